"""What all sessions of one process share: limits, the pool of threads for blocking work, certificates."""

from __future__ import annotations

import asyncio
import contextvars
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, Protocol, Self, TypeVar

from services.gateway.buckets import network_of
from services.gateway.submission.metrics import CONNECTIONS, READING
from services.gateway.submission.tls import Certificates
from shared.settings import Settings

Given = ParamSpec("Given")
Answer = TypeVar("Answer")

#: How long (seconds) messages that were begun may take once the process is told to end.
GRACE_SECONDS = 30.0


class Session(Protocol):
    """What is known of a session here."""

    address: str
    between_messages: bool

    def dismiss(self, words: str) -> None:
        """Ends it."""


class Memory:
    """The octets that one message holds of what all may hold together."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self._held = 0

    def take(self, octets: int) -> bool:
        """Whether there is room for so many more; they are then held until the end."""
        if self._doors.reading + octets > self._doors.config.smtp_max_memory_bytes:
            return False
        self._doors.reading += octets
        self._held += octets
        READING.set(self._doors.reading)
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._doors.reading -= self._held
        READING.set(self._doors.reading)


class Doors:
    """Who is in, and who may come in."""

    def __init__(self, config: Settings, certificates: Certificates) -> None:
        self.config = config
        self.certificates = certificates
        self.closing = False
        self.reading = 0
        self._in: set[Session] = set()
        self._by_network: Counter[str] = Counter()
        threads = min(config.smtp_threads, 2 * config.db_pool_size)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="submission")

    def enter(self, session: Session) -> str | None:
        """Counts a session in; the reply for one that is one too many. Either way it has to `leave`."""
        network = network_of(session.address)
        self._in.add(session)
        self._by_network[network] += 1
        CONNECTIONS.set(len(self._in))
        if len(self._in) > self.config.smtp_max_connections:
            return "421 4.3.2 Too many connections: try again later"
        if self._by_network[network] > self.config.smtp_max_connections_per_ip:
            return "421 4.7.0 Too many connections from your address: try again later"
        return None

    def leave(self, session: Session) -> None:
        """Counts a session out."""
        if session not in self._in:
            return
        network = network_of(session.address)
        self._in.remove(session)
        self._by_network[network] -= 1
        if not self._by_network[network]:
            del self._by_network[network]
        CONNECTIONS.set(len(self._in))

    def memory(self) -> Memory:
        """Room for one message."""
        return Memory(self)

    async def run(self, work: Callable[Given, Answer], *args: Given.args, **kwargs: Given.kwargs) -> Answer:
        """What `work` returns, in a thread of the pool, with the log context of here."""
        context = contextvars.copy_context()
        call = partial(context.run, partial(work, *args, **kwargs))
        return await asyncio.get_running_loop().run_in_executor(self._pool, call)

    async def close(self) -> None:
        """Ends every session: the idle ones now, the others with the message that they are at."""
        self.closing = True
        for session in list(self._in):
            if session.between_messages:
                session.dismiss("421 4.3.2 This server is being restarted: connect again")
        ends = asyncio.get_running_loop().time() + GRACE_SECONDS
        while self._in and asyncio.get_running_loop().time() < ends:
            await asyncio.sleep(0.05)
        for session in list(self._in):
            session.dismiss("421 4.3.2 This server is being restarted: connect again")
        self._pool.shutdown()
