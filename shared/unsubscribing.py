"""Somebody follows their way out, or comes back: what that changes, in the caller's transaction.

A campaign's link takes its reader off the campaign's lists, or off everything; one of another email off
everything that is not transactional. It is the same whether they click (the tracker) or write a mail (the
intake of the webhooks service). Repeats change nothing, and are told nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, text
from sqlalchemy.dialects.postgresql import insert

from shared import subscriptions
from shared.clock import now
from shared.ids import new_id
from shared.models import events
from shared.suppressions import UNSUBSCRIBE, Suppression, lift, suppress
from shared.tracking import Unsubscription

#: What somebody left by: a link of ours, or a mail.
LINK, MAIL = "tracker", "mailto"
#: How much somebody leaves: the campaign's lists, or everything.
LISTS, ALL = "lists", "all"

# Who got a campaign's email, whether or not that is still kept, and the lists that it was sent to.
_OF_CAMPAIGN = text(
    """
    SELECT campaigns.account_id, contacts.email AS address, contacts.id AS contact_id,
        ARRAY(SELECT jsonb_array_elements_text(
            CASE WHEN jsonb_typeof(campaigns.audience->'list_ids') = 'array'
                 THEN campaigns.audience->'list_ids' ELSE '[]' END)) AS list_ids
    FROM campaigns JOIN contacts ON contacts.account_id = campaigns.account_id
    WHERE campaigns.id = CAST(:campaign AS uuid) AND contacts.id = CAST(:contact AS uuid)
    """
)

_OF_EMAIL = text(
    """
    SELECT recipients.account_id, recipients.address FROM recipients
    WHERE email_id = CAST(:email AS uuid) AND position = :position
    """
)

# The lists of a campaign that somebody is on, or has left.
_STANDING = text(
    """
    SELECT lists.id, lists.name, subscriptions.status, subscriptions.campaign_id FROM subscriptions
    JOIN lists ON lists.id = subscriptions.list_id AND lists.account_id = subscriptions.account_id
    WHERE subscriptions.account_id = :account AND subscriptions.contact_id = :contact
    ORDER BY lists.name, lists.id
    """
)


@dataclass(frozen=True, slots=True)
class Listed:
    """A list, and somebody's standing on it."""

    id: UUID
    name: str
    status: str
    campaign_id: UUID | None


@dataclass(frozen=True, slots=True)
class Person:
    """Who a link is about. `lists` are those of its campaign that they are on, or have left."""

    account_id: UUID
    address: str
    contact_id: UUID | None = None
    lists: Sequence[Listed] = ()

    @property
    def subscribed(self) -> list[Listed]:
        """The lists that they are still on."""
        return [item for item in self.lists if item.status != subscriptions.UNSUBSCRIBED]


def find(tx: Connection, link: Unsubscription) -> Person | None:
    """Who it is; None if neither the campaign nor the email knows them any more."""
    if link.campaign_id and link.contact_id:
        whose = {"campaign": str(link.campaign_id), "contact": str(link.contact_id)}
        row = tx.execute(_OF_CAMPAIGN, whose).one_or_none()
        if row is not None:
            of = {"account": row.account_id, "contact": row.contact_id}
            sent_to = set(row.list_ids)
            lists = [
                Listed(item.id, item.name, item.status, item.campaign_id)
                for item in tx.execute(_STANDING, of)
                if str(item.id) in sent_to
            ]
            return Person(row.account_id, row.address, row.contact_id, lists)
    if link.position is None:
        return None
    row = tx.execute(_OF_EMAIL, {"email": str(link.email_id), "position": link.position}).one_or_none()
    return Person(row.account_id, row.address) if row else None


def unsubscribe(
    tx: Connection,
    link: Unsubscription,
    scope: str,
    *,
    source: str = LINK,
    event_id: UUID | None = None,
    one_click: bool = False,
) -> bool:
    """Takes whom the link is about off the campaign's lists (`LISTS`) or everything (`ALL`).

    Without lists to leave, `LISTS` is everything. `event_id`: what to call the event, where it was decided.

    Returns:
        Whether that changed anything.
    """
    person = find(tx, link)
    if person is None:
        return False
    everything = scope == ALL or not person.lists
    left: list[UUID] = []
    if person.contact_id:
        only = None if everything else [item.id for item in person.lists]
        moved = subscriptions.unsubscribe(
            tx, person.account_id, [person.contact_id], only, source, campaign_id=link.campaign_id
        )
        left = [list_id for list_id, _ in moved]
    event_id = event_id or new_id()
    stopped = everything and suppress(
        tx,
        Suppression(person.account_id, person.address, UNSUBSCRIBE, source, link.email_id, event_id),
    )
    if not (left or stopped):
        return False
    told = {
        "scope": ALL if everything else LISTS,
        "list_ids": [str(id) for id in left],
        "campaign_id": link.campaign_id and str(link.campaign_id),
        "contact_id": person.contact_id and str(person.contact_id),
        "one_click": one_click,
        "machine": False,
    }
    event = insert(events).values(
        id=event_id,
        account_id=person.account_id,
        email_id=link.email_id,
        position=link.position,
        type="email.unsubscribed",
        source=source,
        occurred_at=now(),
        data=told,
    )
    tx.execute(event.on_conflict_do_nothing())
    return True


def subscribe_again(tx: Connection, link: Unsubscription) -> bool:
    """Takes back what this link did: the lists that it led off, and the suppression.

    Returns:
        Whether there is somebody to take it back for.
    """
    person = find(tx, link)
    if person is None:
        return False
    if person.contact_id:
        of = {"account": person.account_id, "contact": person.contact_id}
        for item in tx.execute(_STANDING, of).all():
            if item.status == subscriptions.UNSUBSCRIBED and item.campaign_id == link.campaign_id:
                subscriptions.subscribe(tx, person.account_id, item.id, [person.contact_id], LINK, again=True)
    lift(tx, person.account_id, person.address, UNSUBSCRIBE)
    return True
