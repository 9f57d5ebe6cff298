"""The tracker's event writer: `dramatiq services.tracker.worker --queues tracker`."""

from __future__ import annotations

import dramatiq

from shared.broker import connect_broker
from shared.health import start_beating
from shared.observability import configure_logging, get_logger

configure_logging()


class Lifecycle(dramatiq.Middleware):
    """What happens around the worker's life."""

    def before_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """Says that it is there."""
        start_beating()
        get_logger("tracker").info("tracker.writer_started", queues=sorted(worker.consumer_whitelist or []))


connect_broker(Lifecycle())

# actors register with the broker of the moment, so they come after it
from services.tracker import actors  # noqa: E402, F401
