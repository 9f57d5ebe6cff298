"""Endpoints that nobody answers at any more are switched off, and their owners told by mail."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Connection

from services.webhooks import queries
from shared import system_mail
from shared.audit import Actor, record
from shared.observability import get_logger

log = get_logger("webhooks")

GONE, FAILING = "gone", "failing"

_WHY = {
    GONE: "It answered 410 Gone, which says that it wants nothing any more.",
    FAILING: "It has not taken a single event for days.",
}

_TEXT = """\
The webhook endpoint {url} was switched off.

{why}

What happens from now on is not sent there. Once it works again, switch it on:

    PATCH /api/webhook-endpoints/{id} with {{"active": true}}

and have what it missed told once more:

    POST /api/webhook-endpoints/{id}/replay
"""


def disable(tx: Connection, endpoint_id: UUID, reason: str) -> None:
    """Switches an endpoint off for `reason`, once, and tells the account's owners."""
    row = tx.execute(queries.DISABLE_ENDPOINT, {"id": str(endpoint_id), "reason": reason}).one_or_none()
    if row is None:
        return
    record(tx, Actor(row.account_id, "system"), "webhook_endpoint.disabled", endpoint_id, {"reason": reason})
    log.warning("webhooks.endpoint_disabled", endpoint_id=str(endpoint_id), reason=reason)
    text = _TEXT.format(url=row.url, why=_WHY[reason], id=endpoint_id)
    for owner in system_mail.owners(tx, row.account_id):
        system_mail.send(tx, owner, "A webhook endpoint was switched off", text)
