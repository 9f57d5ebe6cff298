"""Emails that wait for their time: cancelled and rescheduled while they do.

Whether it is too late is decided by one conditional UPDATE: a release at the same moment either has the row
first, and this changes nothing, or finds it changed.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, insert, text

from shared import states
from shared.clock import iso, now
from shared.ids import new_id
from shared.models import events

_CANCEL = text(
    """
    WITH cancelled AS (
        UPDATE emails SET status = 'cancelled', updated_at = now()
        WHERE account_id = CAST(:account_id AS uuid) AND id = CAST(:id AS uuid) AND status = 'scheduled'
        RETURNING id)
    UPDATE recipients SET status = 'cancelled', updated_at = now()
    FROM cancelled WHERE recipients.email_id = cancelled.id
    """
)

_RESCHEDULE = text(
    """
    UPDATE emails SET send_at = :send_at, due_at = :send_at, updated_at = now()
    WHERE account_id = CAST(:account_id AS uuid) AND id = CAST(:id AS uuid) AND status = 'scheduled'
    """
)


def cancel(tx: Connection, account_id: UUID, email_id: UUID) -> bool:
    """Cancels an email that is scheduled; False: the account has no such email, or not any more."""
    done = tx.execute(_CANCEL, {"account_id": str(account_id), "id": str(email_id)}).rowcount > 0
    if done:
        _note(tx, account_id, email_id, f"email.{states.CANCELLED}", None)
    return done


def reschedule(tx: Connection, account_id: UUID, email_id: UUID, send_at: datetime) -> bool:
    """Moves an email that is scheduled to `send_at`; False: as with `cancel`."""
    values = {"account_id": str(account_id), "id": str(email_id), "send_at": send_at}
    done = tx.execute(_RESCHEDULE, values).rowcount > 0
    if done:
        _note(tx, account_id, email_id, f"email.{states.SCHEDULED}", {"send_at": iso(send_at)})
    return done


def _note(tx: Connection, account_id: UUID, email_id: UUID, type: str, data: dict[str, str] | None) -> None:
    tx.execute(
        insert(events).values(
            id=new_id(),
            account_id=account_id,
            email_id=email_id,
            type=type,
            source="gateway",
            occurred_at=now(),
            data=data,
        )
    )
