"""Scheduled mail whose time has come is queued: the one step that the scheduler and the cron endpoint share.

It is here, and not in a service, because services never import each other and there must not be two such
steps. Postgres holds the schedule (`emails.status`, `emails.due_at`); nothing else is asked. Rows are taken
with SKIP LOCKED and change state in the transaction that emits their message, so any number of releases at
once queue each email exactly once, and a crash queues it later, not twice.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection, text

from shared.contracts import SEND_BY_STREAM
from shared.db import transaction
from shared.outbox import emit_all

#: Emails released in one transaction: bounds memory and locks, not the work.
BATCH = 5_000

_DUE = text(
    """
    SELECT id, stream FROM emails WHERE status = 'scheduled' AND due_at <= :moment
    ORDER BY due_at LIMIT :batch FOR UPDATE SKIP LOCKED
    """
)

# `due_at` becomes the moment of release: from here on the sweeper's grace counts, not the schedule. The ids
# are given and not joined: out of a join PostgreSQL can't tell how few they are, and reads whole tables.
_QUEUE = text(
    """
    WITH addressed AS (
        UPDATE recipients SET status = 'queued', updated_at = now()
        WHERE email_id = ANY(CAST(:ids AS uuid[])))
    UPDATE emails SET status = 'queued', due_at = now(), updated_at = now()
    WHERE id = ANY(CAST(:ids AS uuid[]))
    """
)


def release(tx: Connection, moment: datetime) -> int:
    """Queues up to one batch of the emails that are due at `moment`; returns how many."""
    rows = tx.execute(_DUE, {"moment": moment, "batch": BATCH}).all()
    if not rows:
        return 0
    tx.execute(_QUEUE, {"ids": [str(row.id) for row in rows]})
    for stream, message in SEND_BY_STREAM.items():
        ids = [row.id for row in rows if row.stream == stream]
        emit_all(tx, [(chunk, None) for chunk in message.chunked(ids)])
    return len(rows)


def release_all(moment: datetime, *, stop_when: Callable[[], bool]) -> int:
    """Queues all emails that are due at `moment`, a transaction a batch; returns how many.

    Args:
        moment: aware.
        stop_when: asked between batches; what is left then is the next release's.

    Raises:
        DatabaseUnavailable: between batches nothing is lost; those committed stay released.
    """
    released = 0
    while not stop_when():
        with transaction() as tx:
            batch = release(tx, moment)
        released += batch
        if batch < BATCH:
            break
    return released
