"""Waiting for an outcome without taking all threads: `Prefer: wait=N`. Knows no HTTP."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from shared.db import DatabaseUnavailable

T = TypeVar("T")

#: First and longest pause between two looks (seconds): most outcomes are there after a few hundredths.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.25


class WaitingRoom:
    """A bounded number of places: who finds none does not wait."""

    def __init__(self, places: int) -> None:
        self._places = threading.Semaphore(places)

    def wait(self, look: Callable[[], T | None], seconds: float) -> tuple[bool, T | None]:
        """Looks until there is something to see, ever less often, for `seconds` at most.

        Returns:
            Whether there was a place to wait in, and what `look` saw.
        """
        if not self._places.acquire(blocking=False):
            return False, None
        try:
            return True, _look_until(look, time.monotonic() + seconds)
        finally:
            self._places.release()


def _look_until(look: Callable[[], T | None], deadline: float) -> T | None:
    pause = _FIRST_PAUSE
    while True:
        try:
            seen = look()
        except DatabaseUnavailable:  # what is waited for is safe already, and may yet be seen in time
            seen = None
        left = deadline - time.monotonic()
        if seen is not None or left <= 0:
            return seen
        time.sleep(min(pause, left))
        pause = min(pause * 1.5, _LONGEST_PAUSE)
