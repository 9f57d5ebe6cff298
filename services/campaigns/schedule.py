"""When the scheduler releases scheduled mail: once Redis says that some is due, and every second anyway.

Redis makes it punctual, Postgres makes it certain: with Redis away, flushed or wrong, mail is late by
`MAILMATIC_SCHEDULE_LOOK_SECONDS` at most.
"""

from __future__ import annotations

import threading
import time
from datetime import datetime

from redis.exceptions import RedisError

from shared import schedule_index
from shared.clock import now
from shared.db import transaction
from shared.observability import get_logger
from shared.schedule import release_all
from shared.settings import Settings

log = get_logger("schedule")


class ScheduleWatch:
    """One leader's watch over the schedule."""

    def __init__(self, config: Settings) -> None:
        """The first `tick` builds the index and asks Postgres."""
        self._look_every = config.schedule_look_seconds
        self._look_at = 0.0
        self._build_at = 0.0
        self._redis_away = False

    def tick(self, stop: threading.Event) -> int:
        """Releases what is due, unless nothing says that anything is; returns how many emails."""
        moment = now()
        look = time.monotonic() >= self._look_at
        # while Redis is away it is asked as rarely as Postgres: its time-outs must not hold up the release
        if not self._redis_away or look:
            look = self._ask_index(moment) or look
        if not look:
            return 0
        released = release_all(moment, stop_when=stop.is_set)
        self._look_at = time.monotonic() + self._look_every
        if released:
            log.info("schedule.released", emails=released)
        return released

    def _ask_index(self, moment: datetime) -> bool:
        """Whether the index knows of due mail; an index that is lost, or old, is built anew."""
        try:
            taken = schedule_index.take(moment)
            if not taken.complete or time.monotonic() >= self._build_at:
                self._build_index(moment)
        except RedisError as error:
            if not self._redis_away:
                log.warning("schedule.redis_away", reason=str(error))
            self._redis_away, self._build_at = True, 0.0
            return False
        self._redis_away = False
        return taken.due

    def _build_index(self, moment: datetime) -> None:
        with transaction() as tx:
            seconds = schedule_index.seconds_ahead(tx, moment)
        schedule_index.build(seconds)
        self._build_at = time.monotonic() + schedule_index.REBUILD_SECONDS
        log.info("schedule.indexed", seconds=len(seconds))
