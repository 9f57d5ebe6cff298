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
from typing import Any

#: The thing as JSON has it, and whether it will change no more.
Look = Callable[[], tuple[dict[str, Any], bool]]

#: Seconds between looks, between signs of life, and until a client must connect anew.
_LOOK, _BEAT, _LONGEST = 0.5, 15.0, 600.0


@dataclass(frozen=True)
class Topic:
    """Something to watch: `key` is the same for all who watch it, `last_event` the event that ends it."""

    key: str
    look: Look
    last_event: str


class Streams:
    """The streams of one process, at most `places` at once."""

    def __init__(self, places: int) -> None:
        self._free = threading.BoundedSemaphore(places)

    def open(self, topic: Topic) -> Stream | None:
        """What its look sees, whenever it is something else, until it says that this was the last.

        None: there is no place. A place is given back when the stream ends or is closed, also unread.
        """
        return Stream(topic, self._free.release) if self._free.acquire(blocking=False) else None


class Stream:
    """The text of one stream, as WSGI reads it."""

    def __init__(self, topic: Topic, give_back: Callable[[], None]) -> None:
        self._events = _events(topic)
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


def _events(topic: Topic) -> Generator[str, None, None]:
    yield f"retry: {int(_LOOK * 2000)}\n\n"
    seen: dict[str, Any] | None = None
    ends, beat_at = time.monotonic() + _LONGEST, time.monotonic() + _BEAT
    while time.monotonic() < ends:
        now, last = topic.look()
        if now != seen:
            seen, beat_at = now, time.monotonic() + _BEAT
            yield f"event: {topic.last_event if last else 'progress'}\ndata: {json.dumps(now)}\n\n"
        elif time.monotonic() > beat_at:
            beat_at = time.monotonic() + _BEAT
            yield ": still here\n\n"
        if last:
            return
        time.sleep(_LOOK)
