"""What waits, for Prometheus: unfinished rows by state and their age, and messages by queue.

Asked of Postgres and RabbitMQ when somebody looks, at most so often. With several schedulers each tells the
same; a server that is away leaves its part out.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import text

from shared import broker, states
from shared.contracts import CONTRACTS
from shared.db import DatabaseUnavailable, transaction
from shared.observability import get_logger
from shared.settings import settings

log = get_logger("backlog")

#: How old what is told may be (seconds).
_KEPT = 10.0

# kind, state → how many, since when the oldest is there, and since when it is due
_UNFINISHED = text(
    """
    SELECT 'emails' AS kind, status AS state, count(*) AS rows, min(created_at) AS oldest, min(due_at) AS due
    FROM emails WHERE status = ANY(:unfinished) GROUP BY status
    UNION ALL SELECT 'outbox', 'due', count(*), min(available_at), min(available_at)
    FROM outbox WHERE available_at <= now()
    UNION ALL SELECT 'imports', status, count(*), min(created_at), min(due_at)
    FROM imports WHERE status IN ('queued', 'running') GROUP BY status
    UNION ALL SELECT 'exports', status, count(*), min(created_at), min(due_at)
    FROM exports WHERE status IN ('queued', 'running') GROUP BY status
    UNION ALL SELECT 'campaigns', status, count(*), min(created_at), min(work_at)
    FROM campaigns WHERE work_at IS NOT NULL GROUP BY status
    UNION ALL SELECT 'webhook_deliveries', status, count(*), min(created_at), min(due_at)
    FROM webhook_deliveries WHERE status = 'pending' GROUP BY status
    """
)


class Backlog(Collector):
    """Asks when it is asked."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._told: list[GaugeMetricFamily] = []
        self._asked_at = float("-inf")

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """What waits, as of some seconds ago at most."""
        with self._lock:
            if time.monotonic() - self._asked_at > _KEPT:
                self._told = [*_rows(), *_messages()]
                self._asked_at = time.monotonic()
            return self._told


def _rows() -> Iterator[GaugeMetricFamily]:
    try:
        with transaction() as tx:
            found = tx.execute(_UNFINISHED, {"unfinished": list(states.UNFINISHED)}).all()
            moment = tx.execute(text("SELECT now()")).scalar_one()
    except DatabaseUnavailable as error:
        log.warning("backlog.unknown", reason=str(error))
        return
    rows = _gauge("mailmatic_unfinished_rows", "Rows that are not finished.", "kind", "state")
    oldest = _gauge("mailmatic_unfinished_oldest_seconds", "Age of the oldest of them.", "kind", "state")
    overdue = _gauge("mailmatic_unfinished_overdue_seconds", "How long one of them is due.", "kind", "state")
    for row in found:
        labels = [row.kind, row.state]
        rows.add_metric(labels, row.rows)
        for gauge, since in ((oldest, row.oldest), (overdue, row.due)):
            gauge.add_metric(labels, max(0.0, (moment - since).total_seconds()) if since else 0.0)
    yield from (rows, oldest, overdue)


def _messages() -> Iterator[GaugeMetricFamily]:
    queues = sorted({contract.queue for contract in CONTRACTS.values()})
    try:
        found = broker.depths(settings().rabbitmq_url, queues)
    except broker.BROKER_TROUBLE as error:
        log.warning("backlog.unknown", reason=str(error) or type(error).__name__)
        return
    depth = _gauge("mailmatic_queue_messages", "Messages that wait in RabbitMQ.", "queue")
    for queue, messages in found.items():
        depth.add_metric([queue], messages)
    yield depth


def _gauge(name: str, about: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, about, labels=list(labels))
