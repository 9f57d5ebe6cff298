"""Those who follow a log: one look at the feed for all of them, four times a second while it is quiet."""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor

from services.gateway import log_tail
from services.gateway.log_tail import Tail
from shared.observability import get_logger

log = get_logger("streams")

#: Seconds between looks: while nothing happens, while something does, and after one that failed.
_LOOK, _BUSY, _PAUSE = 0.25, 0.05, 1.0


class Following:
    """One who follows. What they have not taken yet is all that is kept for them: who is slow reads later."""

    #: a log has no end
    knows_the_end = False

    def __init__(self, tails: Tails, tail: Tail) -> None:
        self.tail = tail
        self.text = b""
        self.changed = asyncio.Event()
        self.changed.set()  # the head of the answer need not wait for anything to happen
        self._tails = tails

    def news(self) -> tuple[bytes, bool]:
        """What happened since."""
        self.changed.clear()
        taken, self.text = self.text, b""
        return taken, False

    def beat(self) -> bytes:
        """A sign of life."""
        return self.tail.beat().encode()

    def leave(self) -> None:
        """They are forgotten."""
        self._tails.following.discard(self)


class Tails:
    """All who follow, in this process."""

    def __init__(self, executor: Executor) -> None:
        """`executor` runs the looks, which ask the database."""
        self.following: set[Following] = set()
        self._executor = executor
        self._task: asyncio.Task[None] | None = None

    def join(self, tail: Tail) -> Following:
        """Follows."""
        one = Following(self, tail)
        self.following.add(one)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._watch())
        return one

    async def _watch(self) -> None:
        while self.following:
            try:
                pause = _BUSY if await self._look() else _LOOK
            except Exception:  # whatever is wrong with one look, the next may do; who follows sees a pause
                log.exception("streams.look_failed", topic="log")
                pause = _PAUSE
            await asyncio.sleep(pause)

    async def _look(self) -> bool:
        """Whether anything happened."""
        ready = [one for one in self.following if not one.text]
        loop = asyncio.get_running_loop()
        texts = await loop.run_in_executor(self._executor, log_tail.read, [one.tail for one in ready])
        for one, text in zip(ready, texts, strict=True):
            if text:
                one.text = text.encode()
                one.changed.set()
        return any(texts)
