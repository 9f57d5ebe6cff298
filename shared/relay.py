"""The outbox relay: due outbox rows → RabbitMQ, confirmed, then deleted. Several may run.

One round is one transaction: rows are deleted, what they say is published and confirmed, and only then does
the deletion commit. A crash or a broker that is away rolls back, and the rows are there for the next round;
a crash between confirmation and commit repeats messages, which every consumer bears. This is the one
transaction that spans a network call, by nature: it is the bridge between the two systems.
"""

from __future__ import annotations

import signal
import threading
from itertools import groupby

from sqlalchemy import Connection, text

from shared import broker as rabbit
from shared.contracts import CONTRACTS, Contract, EmailIds
from shared.db import DatabaseUnavailable, looking, transaction
from shared.health import start_beating
from shared.metrics import Counter
from shared.observability import configure_logging, get_logger
from shared.settings import settings

log = get_logger("relay")

_RELAYED = Counter("mailmatic_outbox_relayed_total", "Rows of the outbox that RabbitMQ has confirmed.")

#: Rows of one round: enough to merge well, few enough to commit within milliseconds.
_WINDOW = 1_000
#: Pause after RabbitMQ or Postgres was away (seconds).
_PAUSE = 0.5

# Asked many times a second: a look costs half of a round that takes nothing.
_ANY_DUE = text("SELECT EXISTS (SELECT FROM outbox WHERE available_at <= now())")
# Deleting in the transaction that publishes makes the rows' disappearance depend on the confirmation.
# SKIP LOCKED lets several relays share the work.
_TAKE_DUE = text(
    """
    DELETE FROM outbox WHERE id IN (
        SELECT id FROM outbox WHERE available_at <= now()
        ORDER BY available_at, id LIMIT :window FOR UPDATE SKIP LOCKED)
    RETURNING id, contract, payload, request_id
    """
)


def relay_window(tx: Connection, broker: rabbit.QuorumBroker) -> int:
    """Publishes one window of due rows inside `tx` and returns how many rows it took."""
    rows = sorted(tx.execute(_TAKE_DUE, {"window": _WINDOW}).all())
    said = [(CONTRACTS[row.contract].parse(row.payload), row.request_id) for row in rows]
    for message, request_id in merge(said):
        rabbit.publish(broker, message, request_id)
    return len(rows)


def merge(said: list[tuple[Contract, str | None]]) -> list[tuple[Contract, str | None]]:
    """Chunks of ids of the same kind become few messages; a merged message has no request id of its own."""
    merged: list[tuple[Contract, str | None]] = []
    by_kind = sorted(said, key=lambda item: item[0].actor)
    for _, group in groupby(by_kind, key=lambda item: item[0].actor):
        items = list(group)
        chunks = [message for message, _ in items if isinstance(message, EmailIds)]
        if len(items) > 1 and len(chunks) == len(items):
            ids = (id for chunk in chunks for id in chunk.ids)
            merged += [(message, None) for message in type(chunks[0]).chunked(ids)]
        else:
            merged += items
    return merged


def run(stop: threading.Event) -> None:
    """Relays until `stop` is set; finishes the window it is in."""
    broker = rabbit.connect_broker()
    trouble: str | None = None
    while not stop.is_set():
        try:
            with looking() as db:
                while not stop.is_set():
                    busy = db.execute(_ANY_DUE).scalar() and _relay(broker) == _WINDOW
                    if trouble is not None:
                        log.info("relay.resumed")
                        trouble = None
                    if not busy:
                        stop.wait(settings().outbox_poll_seconds)
        except (*rabbit.BROKER_TROUBLE, DatabaseUnavailable) as error:
            if trouble is None:
                log.warning("relay.waiting", reason=str(error) or type(error).__name__)
            trouble = str(error)
            stop.wait(_PAUSE)
    broker.close()


def _relay(broker: rabbit.QuorumBroker) -> int:
    with transaction() as tx:
        relayed = relay_window(tx, broker)
    _RELAYED.inc(relayed)
    return relayed


def main() -> None:
    """Runs the relay until SIGTERM or SIGINT."""
    configure_logging()
    start_beating()
    stop = threading.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: stop.set())
    log.info("relay.started")
    run(stop)
    log.info("relay.stopped")


if __name__ == "__main__":
    main()
