"""Lists as rows: made, listed, found, changed and deleted. Every statement is scoped by account."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Connection, delete, func, insert, or_, select, update

from services.gateway.one_insert import Row
from services.gateway.windows import Window, rows_in
from shared.clock import now
from shared.ids import new_id
from shared.models import campaigns, lists, subscriptions
from shared.models.contacts import SUBSCRIPTION_STATUSES

_SHOWN = (
    lists.c.id,
    lists.c.name,
    lists.c.description,
    lists.c.opt_in,
    lists.c.created_at,
    lists.c.updated_at,
)
#: States of campaigns that are yet to ask who is meant.
OPEN_CAMPAIGNS = ("scheduled", "sending", "paused")


def create(tx: Connection, account_id: UUID, values: dict[str, Any]) -> Row:
    """Makes a list of `values` (name, description, opt_in)."""
    moment = now()
    statement = insert(lists).values(
        id=new_id(), account_id=account_id, created_at=moment, updated_at=moment, **values
    )
    return dict(tx.execute(statement.returning(*_SHOWN)).mappings().one())


def window(tx: Connection, account_id: UUID, page: Window) -> tuple[list[Row], bool]:
    """A page of the account's lists, newest first, and whether there are more."""
    return rows_in(tx, select(*_SHOWN).where(lists.c.account_id == account_id), lists.c.id, page)


def get(tx: Connection, account_id: UUID, id: UUID) -> Row | None:
    """One list; `None` if the account has none with this id."""
    query = select(*_SHOWN).where(lists.c.account_id == account_id, lists.c.id == id)
    row = tx.execute(query).mappings().one_or_none()
    return dict(row) if row else None


def counts(tx: Connection, account_id: UUID, id: UUID) -> dict[str, int]:
    """How many contacts have which standing on a list."""
    query = (
        select(subscriptions.c.status, func.count().label("number"))
        .where(subscriptions.c.account_id == account_id, subscriptions.c.list_id == id)
        .group_by(subscriptions.c.status)
    )
    found: dict[str, int] = {row.status: row.number for row in tx.execute(query)}
    return {status: found.get(status, 0) for status in SUBSCRIPTION_STATUSES}


def change(tx: Connection, account_id: UUID, id: UUID, values: dict[str, Any]) -> Row | None:
    """Changes `values` of a list; as it is now, `None` if there is none."""
    statement = (
        update(lists)
        .where(lists.c.account_id == account_id, lists.c.id == id)
        .values(updated_at=now(), **values)
        .returning(*_SHOWN)
    )
    row = tx.execute(statement).mappings().one_or_none()
    return dict(row) if row else None


def is_in_use(tx: Connection, account_id: UUID, id: UUID) -> bool:
    """Whether a campaign that has not ended names the list, to reach it or to leave it out."""
    named = [campaigns.c.audience.contains({part: [str(id)]}) for part in ("list_ids", "exclude_list_ids")]
    query = select(campaigns.c.id).where(
        campaigns.c.account_id == account_id, campaigns.c.status.in_(OPEN_CAMPAIGNS), or_(*named)
    )
    return tx.execute(query.limit(1)).first() is not None


def remove(tx: Connection, account_id: UUID, id: UUID) -> Row | None:
    """Deletes a list with all standings on it; what it was, `None` if there is none."""
    row = (
        tx.execute(delete(lists).where(lists.c.account_id == account_id, lists.c.id == id).returning(*_SHOWN))
        .mappings()
        .one_or_none()
    )
    if row is None:
        return None
    tx.execute(delete(subscriptions).where(subscriptions.c.list_id == id))
    return dict(row)
