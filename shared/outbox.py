"""`emit`: the one way to say something to another process.

The message is a row of the caller's transaction, so it exists exactly when the change it speaks of does.
`shared.relay` publishes due rows; work that is due later is the same row with `available_at`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, insert

from shared.clock import now
from shared.contracts import Contract
from shared.models import outbox
from shared.observability import current_request_id


def emit(tx: Connection, message: Contract, at: datetime | None = None) -> None:
    """Says `message` when `tx` commits, or at `at` (aware) if that is later."""
    emit_all(tx, [(message, at)])


def emit_all(tx: Connection, messages: Sequence[tuple[Contract, datetime | None]]) -> None:
    """`emit` for many messages with one statement."""
    if not messages:
        return
    request_id = current_request_id()
    tx.execute(
        insert(outbox),
        [
            {
                "contract": type(message).__name__,
                "payload": message.payload(),
                "available_at": at or now(),
                "request_id": request_id,
            }
            for message, at in messages
        ],
    )
