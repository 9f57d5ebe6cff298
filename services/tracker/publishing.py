"""Two threads: one writes hits to the spool, one brings them from there to RabbitMQ, in confirmed batches.

Nobody waits for them: with RabbitMQ away the spool grows, and is brought away when it is back.
"""

from __future__ import annotations

import threading
import time

from services.tracker.spool import FLUSH_SECONDS, Segment, Spool
from shared.broker import BROKER_TROUBLE, QuorumBroker, connect_broker, publish_without_outbox
from shared.contracts import RecordHits
from shared.metrics import Counter, Gauge
from shared.observability import get_logger

log = get_logger("tracker")

#: Hits of one message.
_BATCH = 500
#: How often the spool is emptied, and how long to wait when RabbitMQ was away (seconds).
_INTERVAL, _PAUSE = 0.2, 1.0
#: How often the spool is synced and measured, and how often we look for what dead processes left (seconds).
_SYNC, _ADOPT = 1.0, 5.0
#: Longest that the end of the process waits for the last hits to leave (seconds).
_LAST = 3.0

_SPOOLED = Gauge(
    "mailmatic_tracker_spool_bytes", "Hits on disk that RabbitMQ has not got yet", multiprocess_mode="max"
)
_DROPPED = Counter("mailmatic_tracker_dropped_hits_total", "Hits that were answered but had no room on disk")


class Publisher:
    """Empties one spool."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=target, name=name, daemon=True)
            for name, target in (("keeper", self._keep), ("publisher", self._run))
        ]
        self._pending: list[Segment] = []
        self._trouble: str | None = None
        self._told = 0

    def start(self) -> None:
        """Begins; until `stop`, or the end of the process."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Brings the last hits away if that is quick; what stays on disk is adopted by another process."""
        self._stop.set()
        for thread in self._threads:
            thread.join(_LAST)
        self._spool.flush()

    def _keep(self) -> None:
        synced = float("-inf")
        while not self._stop.wait(FLUSH_SECONDS):
            try:
                self._spool.flush()
                if time.monotonic() - synced >= _SYNC:
                    synced = time.monotonic()
                    self._keep_safe()
            except Exception:  # whatever it is, the next round must come
                log.exception("tracker.keeper_failed")

    def _run(self) -> None:
        broker = connect_broker()
        adopted = float("-inf")
        stopping = False
        while not stopping:
            stopping = self._stop.wait(_PAUSE if self._trouble else _INTERVAL)
            moment = time.monotonic()
            try:
                if not self._pending:
                    self._pending = self._spool.take()
                    if moment - adopted >= _ADOPT:
                        adopted = moment
                        self._pending += self._spool.adopted()
                self._bring_away(broker)
            except Exception:  # whatever it is, the next round must come
                log.exception("tracker.publisher_failed")

    def _bring_away(self, broker: QuorumBroker) -> None:
        try:
            while self._pending:
                lines = self._pending[0].lines()
                for start in range(0, len(lines), _BATCH):
                    publish_without_outbox(broker, RecordHits(tuple(lines[start : start + _BATCH])))
                self._pending.pop(0).remove()
        except BROKER_TROUBLE as error:
            if self._trouble is None:
                log.warning("tracker.spooling", reason=str(error) or type(error).__name__)
            self._trouble = str(error) or type(error).__name__
            return
        if self._trouble is not None:
            log.info("tracker.drained")
            self._trouble = None

    def _keep_safe(self) -> None:
        self._spool.sync()
        _SPOOLED.set(self._spool.measure())
        dropped = self._spool.dropped
        if dropped > self._told:
            _DROPPED.inc(dropped - self._told)
            log.error("tracker.hits_dropped", hits=dropped - self._told, full=self._spool.full)
            self._told = dropped
