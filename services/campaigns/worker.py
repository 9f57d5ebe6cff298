"""The campaigns worker process: `dramatiq services.campaigns.worker --queues campaigns`."""

from __future__ import annotations

import dramatiq

from shared.broker import connect_broker
from shared.health import start_beating
from shared.observability import configure_logging, get_logger

configure_logging()


class Lifecycle(dramatiq.Middleware):
    """What happens around the worker's life."""

    def before_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """Beats from now on."""
        start_beating()
        get_logger("campaigns").info("campaigns.started", queues=sorted(worker.consumer_whitelist or []))

    def before_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """The step under way is finished; the rest is nudged again by the scheduler."""
        actors.stopping.set()

    def after_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """Says so."""
        get_logger("campaigns").info("campaigns.stopped")


connect_broker(Lifecycle())

# actors register with the broker of the moment, so they come after it
from services.campaigns import actors  # noqa: E402
