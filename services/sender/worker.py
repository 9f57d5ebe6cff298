"""The sender's worker process: `dramatiq services.sender.worker --queues sender` (or `sender-bulk`)."""

from __future__ import annotations

import gc

import dramatiq

from shared.broker import connect_broker
from shared.health import start_beating
from shared.observability import configure_logging, get_logger
from shared.settings import settings

configure_logging()

#: Objects that are made before cycles are looked for: about what two chunks are.
_GARBAGE = 20_000


class Lifecycle(dramatiq.Middleware):
    """What happens around the worker's life: recovery before the first nudge, giving back at the end."""

    def before_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """Settles what a killed predecessor left, before any new claim if Postgres answers."""
        start_recovering(actors.journal_directory(), settings())
        start_beating()
        # what is loaded by now stays, and a chunk's emails are no cycles: looking for some costs 3 %
        gc.freeze()
        gc.set_threshold(_GARBAGE)
        get_logger("sender").info("sender.started", queues=sorted(worker.consumer_whitelist or []))

    def before_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """What is in flight is finished; the rest of each chunk goes back."""
        actors.stopping.set()

    def after_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """Says QUIT to the relays."""
        actors.relay_pool().close()
        get_logger("sender").info("sender.stopped")


connect_broker(Lifecycle())

# actors register with the broker of the moment, so they come after it
from services.sender import actors  # noqa: E402
from services.sender.recover import start_recovering  # noqa: E402
