"""What is watched, each looked at once for all who watch it, up to four times a second."""

from __future__ import annotations

import asyncio
import hashlib
import json
from concurrent.futures import Executor

from services.gateway.streams import Snapshots, Topic
from shared.observability import get_logger

log = get_logger("streams")

#: Seconds between looks, and after one that failed.
_LOOK, _PAUSE = 0.25, 1.0


class Channel:
    """One topic and what was last seen of it. Events are whole states: who missed some has missed nothing."""

    def __init__(self, topic: Topic) -> None:
        self.topic = topic
        self.event = b""
        self.id = ""
        self.ended = False
        self.watchers: set[asyncio.Event] = set()

    def show(self, seen: dict[str, object], last: bool) -> None:
        """Wakes the watchers if anything is new."""
        data = json.dumps(seen)
        id = hashlib.sha256(f"{last}{data}".encode()).hexdigest()[:16]
        if id == self.id:
            return
        name = self.topic.last_event if last else "progress"
        # the first event of a connection is a snapshot whatever its name: data says all there is
        self.event = f"id: {id}\nevent: {name}\ndata: {data}\n\n".encode()
        self.id, self.ended = id, last
        for watcher in self.watchers:
            watcher.set()


class Watch:
    """Somebody who watches a channel, and what they have seen of it."""

    def __init__(self, channel: Channel, seen: str) -> None:
        """`seen` is the id of the last event that they know."""
        self.changed = asyncio.Event()
        self._channel = channel
        self._seen = seen
        channel.watchers.add(self.changed)
        if channel.event:
            self.changed.set()

    @property
    def knows_the_end(self) -> bool:
        """There is nothing more to tell."""
        return self._channel.ended and self._channel.id == self._seen

    def news(self) -> tuple[bytes, bool]:
        """The state that they have not seen, and whether it is the last."""
        self.changed.clear()
        if self._channel.id == self._seen:
            return b"", self._channel.ended
        self._seen = self._channel.id
        return self._channel.event, self._channel.ended

    @staticmethod
    def beat() -> bytes:
        """A sign of life."""
        return Snapshots.beat().encode()

    def leave(self) -> None:
        """Nobody is left behind: a channel without watchers ends at its next look."""
        self._channel.watchers.discard(self.changed)


class Hub:
    """The channels that somebody watches."""

    def __init__(self, executor: Executor) -> None:
        """`executor` runs the looks, which ask the database."""
        self._executor = executor
        self._channels: dict[str, Channel] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def join(self, topic: Topic, seen: str) -> Watch:
        """Watches the topic's channel."""
        channel = self._channels.get(topic.key)
        if channel is None:
            channel = self._channels[topic.key] = Channel(topic)
            task = asyncio.create_task(self._watch(channel))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return Watch(channel, seen)

    async def _watch(self, channel: Channel) -> None:
        loop = asyncio.get_running_loop()
        try:
            while channel.watchers and not channel.ended:
                pause = _LOOK
                try:
                    channel.show(*await loop.run_in_executor(self._executor, channel.topic.look))
                except Exception:  # whatever is wrong with one look, the next may do; watchers see a pause
                    log.exception("streams.look_failed", topic=channel.topic.key)
                    pause = _PAUSE
                await asyncio.sleep(pause)
        finally:
            if self._channels.get(channel.topic.key) is channel:
                del self._channels[channel.topic.key]
