"""Recipients that turned out not to exist → the suppression list, in the transaction that records it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection

from services.sender import queries
from shared.suppressions import Suppression, suppress


@dataclass(frozen=True, slots=True)
class Bounced:
    """A recipient to suppress for `reason`, and the event that tells of the bounce."""

    email_id: str
    position: int
    event_id: str
    reason: str


def suppress_bounced(tx: Connection, bounced: Sequence[Bounced]) -> None:
    """Suppresses the addresses of `bounced`, each for its own account."""
    if not bounced:
        return
    rows = tx.execute(
        queries.ADDRESSES,
        {"ids": [item.email_id for item in bounced], "positions": [item.position for item in bounced]},
    )
    known = {(row.email_id, row.position): row for row in rows}
    found = [(known[item.email_id, item.position], item) for item in bounced]
    suppress(
        tx,
        *(
            Suppression(
                row.account_id,
                row.address,
                item.reason,
                "sender",
                UUID(item.email_id),
                UUID(item.event_id),
            )
            for row, item in found
        ),
    )
