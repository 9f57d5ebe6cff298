"""A contact's standing on a list: the one place where it changes, and what it was before is kept.

The verbs are conditional and idempotent: repeated or late, they change nothing; what they change is told to
the account (shared.events), but for those who are yet to confirm. Who has unsubscribed comes back by an
explicit `again` alone, never by being added once more. Contacts and lists of other accounts are passed over
without a word.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from uuid import UUID

from sqlalchemy import Connection, delete, select, text

from shared.events import record_events
from shared.models import subscriptions

UNCONFIRMED = "unconfirmed"
SUBSCRIBED = "subscribed"
UNSUBSCRIBED = "unsubscribed"

# Ordered, so that two of these at once lock rows in one order; the list can't be deleted meanwhile.
_ADD = text(
    """
    INSERT INTO subscriptions (list_id, contact_id, account_id, status, source)
    SELECT lists.id, contacts.id, contacts.account_id, :status, :source
    FROM contacts JOIN lists USING (account_id)
    WHERE contacts.account_id = :account_id AND lists.id = :list_id
      AND contacts.id = ANY(CAST(:contact_ids AS uuid[]))
    ORDER BY contacts.id FOR KEY SHARE OF lists
    ON CONFLICT DO NOTHING
    RETURNING contact_id
    """
)

# The rows are locked before they are read for the history: what is kept is what was really there.
_MOVE = text(
    """
    WITH old AS (
        SELECT list_id, contact_id, account_id, status, source, campaign_id, changed_at
        FROM subscriptions
        WHERE account_id = :account_id AND contact_id = ANY(CAST(:contact_ids AS uuid[]))
          AND (CAST(:list_ids AS uuid[]) IS NULL OR list_id = ANY(CAST(:list_ids AS uuid[])))
          AND status = ANY(CAST(:origins AS text[]))
        ORDER BY list_id, contact_id FOR UPDATE
    ), kept AS (
        INSERT INTO subscription_history (account_id, list_id, contact_id, status, source, campaign_id, since)
        SELECT account_id, list_id, contact_id, status, source, campaign_id, changed_at FROM old
    )
    UPDATE subscriptions AS row
    SET status = :status, source = :source, campaign_id = :campaign_id, changed_at = now()
    FROM old WHERE row.list_id = old.list_id AND row.contact_id = old.contact_id
    RETURNING row.list_id, row.contact_id
    """
)


def subscribe(
    tx: Connection,
    account_id: UUID,
    list_id: UUID,
    contact_ids: Collection[UUID],
    source: str,
    *,
    confirmed: bool = True,
    again: bool = False,
) -> set[UUID]:
    """Puts contacts on a list; returns those whose standing changed.

    Args:
        source: what does it: api, import, confirmation …
        confirmed: whether they are subscribed by that; else they are `unconfirmed` until `confirm`.
        again: whether those who have unsubscribed are put back.
    """
    status = SUBSCRIBED if confirmed else UNCONFIRMED
    added = tx.execute(
        _ADD,
        {
            "account_id": account_id,
            "list_id": list_id,
            "contact_ids": [str(id) for id in contact_ids],
            "status": status,
            "source": source,
        },
    ).scalars()
    origins = [*([UNCONFIRMED] if confirmed else []), *([UNSUBSCRIBED] if again else [])]
    new = set(added)
    moved = _move(tx, account_id, set(contact_ids) - new, [list_id], (origins, status), source=source)
    changed = new | {contact_id for _, contact_id in moved}
    if confirmed:
        _tell(tx, account_id, SUBSCRIBED, [(list_id, contact_id) for contact_id in changed], source)
    return changed


def confirm(tx: Connection, account_id: UUID, contact_id: UUID, list_ids: Sequence[UUID]) -> list[UUID]:
    """Their own word that they want what they were put on; returns the lists they were unconfirmed on."""
    move = ([UNCONFIRMED], SUBSCRIBED)
    moved = _move(tx, account_id, [contact_id], list_ids, move, source="confirmation")
    _tell(tx, account_id, SUBSCRIBED, moved, "confirmation")
    return [list_id for list_id, _ in moved]


def unsubscribe(
    tx: Connection,
    account_id: UUID,
    contact_ids: Collection[UUID],
    list_ids: Sequence[UUID] | None,
    source: str,
    *,
    campaign_id: UUID | None = None,
) -> list[tuple[UUID, UUID]]:
    """Takes contacts off lists, for good; returns the (list, contact) pairs that had not been taken off yet.

    Args:
        list_ids: of which lists; None: of all that they are on.
        source: what does it: api, tracker, mailto …
        campaign_id: the campaign whose mail made them, where one did.
    """
    move = ([UNCONFIRMED, SUBSCRIBED], UNSUBSCRIBED)
    moved = _move(tx, account_id, contact_ids, list_ids, move, source=source, campaign_id=campaign_id)
    about = {"campaign_id": str(campaign_id)} if campaign_id else {}
    _tell(tx, account_id, UNSUBSCRIBED, moved, source, **about)
    return moved


def remove(
    tx: Connection, account_id: UUID, list_id: UUID, contact_ids: Collection[UUID], source: str
) -> int:
    """Takes contacts off a list as if they had never been on it; returns how many.

    Who has unsubscribed stays, as such: else the next import would put them back.
    """
    gone = tx.execute(
        delete(subscriptions)
        .where(
            subscriptions.c.account_id == account_id,
            subscriptions.c.list_id == list_id,
            subscriptions.c.contact_id.in_(contact_ids),
            subscriptions.c.status != UNSUBSCRIBED,
        )
        .returning(subscriptions.c.contact_id)
    ).all()
    _tell(tx, account_id, "removed", [(list_id, row.contact_id) for row in gone], source)
    return len(gone)


def has_unsubscribed(tx: Connection, account_id: UUID, contact_id: UUID) -> bool:
    """Whether a contact has unsubscribed from any list."""
    query = select(subscriptions.c.list_id).where(
        subscriptions.c.account_id == account_id,
        subscriptions.c.contact_id == contact_id,
        subscriptions.c.status == UNSUBSCRIBED,
    )
    return tx.execute(query.limit(1)).first() is not None


def _tell(
    tx: Connection,
    account_id: UUID,
    deed: str,
    pairs: Iterable[tuple[UUID, UUID]],
    source: str,
    **more: str,
) -> None:
    told = [{"contact_id": str(contact), "list_id": str(list), **more} for list, contact in pairs]
    record_events(tx, account_id, f"contact.{deed}", told, source=source)


def _move(
    tx: Connection,
    account_id: UUID,
    contact_ids: Collection[UUID],
    list_ids: Sequence[UUID] | None,
    move: tuple[Sequence[str], str],
    *,
    source: str,
    campaign_id: UUID | None = None,
) -> list[tuple[UUID, UUID]]:
    origins, status = move
    if not (contact_ids and origins):
        return []
    rows = tx.execute(
        _MOVE,
        {
            "account_id": account_id,
            "contact_ids": [str(id) for id in contact_ids],
            "list_ids": None if list_ids is None else [str(id) for id in list_ids],
            "origins": list(origins),
            "status": status,
            "source": source,
            "campaign_id": campaign_id,
        },
    )
    return [(row.list_id, row.contact_id) for row in rows]
