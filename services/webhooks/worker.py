"""The webhooks service's workers: `dramatiq services.webhooks.worker --queues webhooks-in`."""

from __future__ import annotations

import threading

import dramatiq

from shared.broker import connect_broker
from shared.health import start_beating
from shared.observability import configure_logging, get_logger

configure_logging()

_stop = threading.Event()


class Lifecycle(dramatiq.Middleware):
    """What happens around the worker's life."""

    def before_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """Whoever takes reports in looks after them, too."""
        queues = sorted(worker.consumer_whitelist or [])
        if "webhooks-in" in queues:
            start_upkeep(_stop)
            start_feeding(_stop)
        start_beating()
        get_logger("webhooks").info("webhooks.started", queues=queues)

    def before_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """No new round."""
        _stop.set()


connect_broker(Lifecycle())

# actors register with the broker of the moment, so they come after it
from services.webhooks import actors  # noqa: E402, F401
from services.webhooks.feeder import start_feeding  # noqa: E402
from services.webhooks.upkeep import start_upkeep  # noqa: E402
