"""Server-sent events of one changing thing: a thread each, so only so many at once; the rest ask again."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

#: Seconds between looks, between signs of life, and until a client must connect anew.
_LOOK, _BEAT, _LONGEST = 0.5, 15.0, 600.0


class Streams:
    """The streams of one process, at most `places` at once."""

    def __init__(self, places: int) -> None:
        self._free = threading.BoundedSemaphore(places)

    def take(self) -> bool:
        """Whether there is a place; it is given back when `events` ends, or is closed."""
        return self._free.acquire(blocking=False)

    def events(self, look: Callable[[], tuple[dict[str, Any], bool]]) -> Iterator[str]:
        """What `look` sees, whenever it is something else, until it says that this was the last."""
        try:
            yield from _events(look)
        finally:
            self._free.release()


def _events(look: Callable[[], tuple[dict[str, Any], bool]]) -> Iterator[str]:
    yield f"retry: {int(_LOOK * 2000)}\n\n"
    seen: dict[str, Any] | None = None
    ends, beat_at = time.monotonic() + _LONGEST, time.monotonic() + _BEAT
    while time.monotonic() < ends:
        now, last = look()
        if now != seen:
            seen, beat_at = now, time.monotonic() + _BEAT
            yield f"event: {'end' if last else 'progress'}\ndata: {json.dumps(now)}\n\n"
        elif time.monotonic() > beat_at:
            beat_at = time.monotonic() + _BEAT
            yield ": still here\n\n"
        if last:
            return
        time.sleep(_LOOK)
