"""What the relay said of one email, as soon as it has said it of every recipient."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select

from services.gateway.errors import problem
from services.gateway.intents import Intent
from services.gateway.one_insert import Row
from shared import states
from shared.errors import ApiError, FieldError
from shared.models import emails, recipients

#: The relay, or those behind it, took the email for one recipient at least.
_REACHED = (states.SENT, states.DELIVERED, states.COMPLAINED)


def settled(tx: Connection, account_id: UUID, email_id: UUID) -> list[Row] | None:
    """The email's recipients in the order they were given; `None` while an attempt is owed to one of them."""
    status = tx.execute(
        select(emails.c.status).where(emails.c.account_id == account_id, emails.c.id == email_id)
    ).scalar()
    if status is None or status in states.UNFINISHED:
        return None
    query = (
        select(recipients.c.address, recipients.c.status, recipients.c.smtp_code, recipients.c.smtp_reply)
        .where(recipients.c.account_id == account_id, recipients.c.email_id == email_id)
        .order_by(recipients.c.position)
    )
    return [dict(row) for row in tx.execute(query).mappings()]


def refusal(rows: list[Row], intent: Intent) -> ApiError | None:
    """Why nobody got the email; `None` if somebody did."""
    if any(row["status"] in _REACHED for row in rows):
        return None
    said = [row["smtp_reply"] or f"The recipient is {row['status']}." for row in rows]
    at_fault = [FieldError(item.pointer, words) for item, words in zip(intent.recipients, said, strict=True)]
    if all(row["status"] == states.SUPPRESSED for row in rows):  # since the email was accepted
        return problem("recipient_suppressed", errors=at_fault)
    return problem("relay_refused", f"The relay refused the email: {said[0]}", at_fault)


def told(rows: list[Row]) -> dict[str, Any]:
    """What the client is told of an email that reached somebody."""
    reply = next((row["smtp_reply"] for row in rows if row["status"] in _REACHED), None)
    return {
        "status": states.SENT,
        "message": "The relay accepted the email",
        "smtp_reply": reply,
        "recipients": rows,
    }
