"""`record_event`: what happened to something that is no email, told to the account's webhooks and its feed.

Rows of `events` in the caller's transaction: they exist exactly when the change they speak of does. What
happens to emails is written by who does it, for many at once (services/sender/record.py and others).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, insert

from shared.clock import now
from shared.ids import new_id
from shared.models import events

#: Every type of event that is told to customers, and what it means.
EVENT_TYPES = {
    "email.accepted": "An email was accepted.",
    "email.scheduled": "An email was accepted, or moved, to be sent later.",
    "email.cancelled": "A scheduled email was cancelled.",
    "email.sent": "The relay took the email for this recipient.",
    "email.deferred": "Not delivered yet; it is tried again.",
    "email.unknown": "The relay's reply was lost; it is found out what became of the email.",
    "email.delivered": "The recipient's server took the email.",
    "email.bounced": "Refused for good.",
    "email.failed": "Given up.",
    "email.suppressed": "Not sent: the recipient was suppressed.",
    "email.complained": "The recipient called it spam.",
    "email.opened": "Opened.",
    "email.clicked": "A link was clicked.",
    "email.reclassified": "A click that was told as a person's turned out to be a machine's.",
    "email.unsubscribed": "The recipient unsubscribed.",
    "contact.created": "A contact was added.",
    "contact.updated": "A contact was changed.",
    "contact.deleted": "A contact was deleted.",
    "contact.subscribed": "A contact was subscribed to a list.",
    "contact.unsubscribed": "A contact was unsubscribed from a list.",
    "contact.removed": "A contact was taken off a list.",
    "contact.imported": "An import ended; its contacts are not told one by one.",
    "campaign.scheduled": "A campaign was scheduled.",
    "campaign.started": "A campaign began to be sent.",
    "campaign.paused": "A campaign was paused.",
    "campaign.resumed": "A paused campaign goes on.",
    "campaign.sent": "A campaign was handed over to the last of its recipients.",
    "campaign.cancelled": "A campaign was cancelled.",
    "campaign.failed": "A campaign could not be sent.",
    "domain.created": "A domain was added.",
    "domain.verified": "A domain is verified.",
    "domain.pending": "A domain waits for its records.",
    "domain.failed": "A domain's records are gone.",
    "domain.deleted": "A domain was deleted.",
}


def record_event(
    tx: Connection, account_id: UUID, type: str, data: Mapping[str, Any], *, source: str = "gateway"
) -> UUID:
    """Tells an event that is about no email; its id.

    Args:
        type: one of `EVENT_TYPES`, in the past tense.
        data: what its reader gets as `data`, as JSON can say it; never a secret.
        source: which process saw it.

    Raises:
        ValueError: there is no such type.
    """
    (id,) = record_events(tx, account_id, type, [data], source=source)
    return id


def record_events(
    tx: Connection, account_id: UUID, type: str, data: Sequence[Mapping[str, Any]], *, source: str = "gateway"
) -> list[UUID]:
    """Tells several events of one type, one for each of `data`; their ids.

    Raises:
        ValueError: there is no such type.
    """
    if type not in EVENT_TYPES:
        raise ValueError(f"{type} is no event (shared/events.py)")
    all_of_them = {"account_id": account_id, "type": type, "source": source, "occurred_at": now()}
    ids = [new_id() for _ in data]
    if ids:
        rows = zip(ids, data, strict=True)
        tx.execute(insert(events), [{"id": id, "data": dict(item), **all_of_them} for id, item in rows])
    return ids


def matches(wanted: list[str] | tuple[str, ...] | None, type: str) -> bool:
    """Whether a filter (types, or families like `email.*`; None: all) lets events of `type` through."""
    if wanted is None:
        return True
    return type in wanted or f"{type.partition('.')[0]}.*" in wanted
