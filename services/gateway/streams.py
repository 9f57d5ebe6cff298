"""Server-sent events of one changing thing: a thread each, so only so many at once; the rest ask again.

The edge leads streams to a process that needs no thread for each (services.gateway.streaming); these here are
for an install without it.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, Protocol

#: The thing as JSON has it, and whether it will change no more.
Look = Callable[[], tuple[dict[str, Any], bool]]

#: Seconds between looks, between signs of life, and until a client must connect anew.
_LOOK, _BEAT, _LONGEST = 0.5, 15.0, 600.0


class Source(Protocol):
    """What a stream tells."""

    def news(self) -> tuple[str, bool]:
        """What is new as text of events, and whether that was the last of it."""

    def beat(self) -> str:
        """A sign of life while nothing is."""


@dataclass(frozen=True)
class Topic:
    """Something to watch: `key` is the same for all who watch it, `last_event` the event that ends it."""

    key: str
    look: Look
    last_event: str


class Snapshots:
    """A topic, told whole whenever it is something else, until its look says that this was the last."""

    def __init__(self, topic: Topic) -> None:
        self._topic = topic
        self._seen: dict[str, Any] | None = None

    def news(self) -> tuple[str, bool]:
        """What its look sees, if it is something else."""
        now, last = self._topic.look()
        if now == self._seen:
            return "", last
        self._seen = now
        name = self._topic.last_event if last else "progress"
        return f"event: {name}\ndata: {json.dumps(now)}\n\n", last

    @staticmethod
    def beat() -> str:
        """A comment."""
        return ": still here\n\n"


class Streams:
    """The streams of one process, at most `places` at once."""

    def __init__(self, places: int) -> None:
        self._free = threading.BoundedSemaphore(places)

    def open(self, source: Source) -> Stream | None:
        """The stream of a source.

        None: there is no place. A place is given back when the stream ends or is closed, also unread.
        """
        return Stream(source, self._free.release) if self._free.acquire(blocking=False) else None


class Stream:
    """The text of one stream, as WSGI reads it."""

    def __init__(self, source: Source, give_back: Callable[[], None]) -> None:
        self._events = _events(source)
        self._give_back = give_back
        self._closed = False

    def __iter__(self) -> Stream:
        return self

    def __next__(self) -> str:
        try:
            return next(self._events)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Whoever listened is gone, or has heard all."""
        if not self._closed:
            self._closed = True
            self._events.close()
            self._give_back()


def _events(source: Source) -> Generator[str, None, None]:
    yield f"retry: {int(_LOOK * 2000)}\n\n"
    ends, beat_at = time.monotonic() + _LONGEST, time.monotonic() + _BEAT
    while time.monotonic() < ends:
        news, last = source.news()
        if news or time.monotonic() > beat_at:
            beat_at = time.monotonic() + _BEAT
            yield news or source.beat()
        if last:
            return
        time.sleep(_LOOK)
