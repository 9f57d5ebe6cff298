"""Mail that comes by SMTP: how fast it is taken, and what many sessions at once cost.

The floor of the same run is what is usually built: a plain aiosmtpd handler, without TLS, that writes each
message by one commit of the ORM. Ours checks, claims, stores and makes the intent to send, behind TLS.
"""

from __future__ import annotations

import asyncio
import base64
import os
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from deploy.local.layout import ROOT
from deploy.local.ports import HOST, answers, free_port
from tests.bench.cluster import Bench
from tests.bench.figures import Figure, percentile
from tests.fixtures.submission import Door, door_of, trusting
from tests.fixtures.waiting import wait_for

#: Connections that hand over one message after the other.
CLIENTS = 8
MAILS = int(os.environ.get("BENCH_SUBMISSION_MAILS", "2000"))
#: Sessions of one message each, and how many of them at once.
SESSIONS = int(os.environ.get("BENCH_SUBMISSION_SESSIONS", "10000"))
AT_ONCE = 50

_BODY = b"<p>Welcome to Mailmatic.</p>\r\n" * 170


@dataclass(frozen=True)
class Target:
    """Where to hand over, and how: `token` None is without TLS and login."""

    port: int
    sender: str
    token: bytes | None
    tls: ssl.SSLContext | None


def run(bench: Bench) -> list[Figure]:
    """The sender is stopped, so both cores are for what is measured and its clients."""
    bench.cluster.stop("sender")
    door = door_of(bench.cluster, bench.api)
    ours, bare, slow = [], [], []
    with _plain(bench) as port:
        plain = Target(port, door.sender, None, None)
        for _ in range(bench.runs):
            bench.empty()
            asyncio.run(_stream(plain, 200))
            bare.append(asyncio.run(_stream(plain, MAILS))[0])
            asyncio.run(_stream(_target(door), 200))
            rate, latencies = asyncio.run(_stream(_target(door), MAILS))
            ours.append(rate)
            slow.append(percentile(latencies, 0.99) * 1000)
    bench.empty()
    figures = [
        Figure("plain aiosmtpd, one ORM commit a mail (floor)", "mails/s", bare),
        Figure("submission: TLS, checks, acceptance", "mails/s", ours),
        Figure("  99th percentile of a message", "ms", slow),
        *_soak(bench, door),
    ]
    bench.cluster.start("sender")
    return figures


def _soak(bench: Bench, door: Door) -> list[Figure]:
    """Sessions with a handshake, a login and one message each; none may be lost."""
    pid = bench.cluster.pid("submission")
    target = _target(door)
    asyncio.run(_sessions(target, min(500, SESSIONS)))
    began, before = time.perf_counter(), _resident(pid)
    peaks = [before]
    step = max(1, SESSIONS // 10)
    for _ in range(10):
        asyncio.run(_sessions(target, step))
        peaks.append(_resident(pid))
    seconds = time.perf_counter() - began
    stored = int(str(bench.sql("SELECT count(*) FROM emails")[0][0]))
    if stored != step * 10 + min(500, SESSIONS):
        raise RuntimeError(f"{stored} emails of {step * 10 + min(500, SESSIONS)} sessions")
    return [
        Figure(
            f"{step * 10:,} sessions, {AT_ONCE} at once, a login and a mail each",
            "sessions/s",
            [step * 10 / seconds],
        ),
        Figure("  memory of the process before them", "MB", [before]),
        Figure("  memory after each tenth of them", "MB", peaks[1:]),
    ]


def _target(door: Door) -> Target:
    token = base64.b64encode(f"\0{door.username}\0{door.password}".encode())
    return Target(door.tls_port, door.sender, token, trusting())


async def _stream(target: Target, mails: int) -> tuple[float, list[float]]:
    """Mails a second over `CLIENTS` kept connections, and how long each mail took (seconds)."""
    numbers, latencies = iter(range(mails)), []

    async def client() -> None:
        talk = await _Talk.begin(target)
        for _ in numbers:
            began = time.perf_counter()
            await talk.mail()
            latencies.append(time.perf_counter() - began)
        await talk.end()

    began = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return mails / (time.perf_counter() - began), latencies


async def _sessions(target: Target, count: int) -> None:
    room = asyncio.Semaphore(AT_ONCE)

    async def one() -> None:
        async with room:
            talk = await _Talk.begin(target)
            await talk.mail()
            await talk.end()

    await asyncio.gather(*(one() for _ in range(count)))


class _Talk:
    """A session of a client that pipelines."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sender: str) -> None:
        self._reader, self._writer = reader, writer
        envelope = f"MAIL FROM:<{sender}>\r\nRCPT TO:<ada@example.com>\r\nDATA\r\n"
        self._envelope = envelope.encode()
        self._message = f"From: {sender}\r\nSubject: Welcome\r\n\r\n".encode() + _BODY + b".\r\n"

    @classmethod
    async def begin(cls, target: Target) -> _Talk:
        """Connected, greeted, signed in."""
        reader, writer = await asyncio.open_connection(HOST, target.port, ssl=target.tls)
        talk = cls(reader, writer, target.sender)
        await talk.hear(220)
        writer.write(b"EHLO bench.test\r\n")
        await talk.hear(250)
        if target.token:
            writer.write(b"AUTH PLAIN " + target.token + b"\r\n")
            await talk.hear(235)
        return talk

    async def hear(self, wanted: int) -> None:
        """The next reply, which must have this code."""
        while True:
            line = await self._reader.readline()
            if line[3:4] == b"-":
                continue
            if not line.startswith(str(wanted).encode()):
                raise RuntimeError(f"wanted {wanted}, heard {line!r}")
            return

    async def mail(self) -> None:
        """Hands one over."""
        self._writer.write(self._envelope)
        for code in (250, 250, 354):
            await self.hear(code)
        self._writer.write(self._message)
        await self.hear(250)

    async def end(self) -> None:
        """QUIT."""
        self._writer.write(b"QUIT\r\n")
        await self.hear(221)
        self._writer.close()


@contextmanager
def _plain(bench: Bench) -> Iterator[int]:
    """The floor, in a process of its own."""
    port = free_port()
    command = [sys.executable, "-m", "tests.bench.plain_submission", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, env=bench.cluster.environment())
    try:
        wait_for(lambda: answers(port), "the plain handler")
        yield port
    finally:
        process.terminate()
        process.wait(10)


def _resident(pid: int) -> float:
    """What a process holds in memory (MB)."""
    with open(f"/proc/{pid}/statm") as file:  # noqa: PTH123 - a file of the kernel's
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1024 / 1024
