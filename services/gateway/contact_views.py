"""Contacts as their owner reads them: pages, members of a list, one person's lists, tags and history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, exists, select, union_all
from sqlalchemy import null as sql_null

from services.gateway.contact_store import SHOWN
from services.gateway.one_insert import Row
from services.gateway.windows import Window, rows_in
from shared.audience import by_index
from shared.audience.conditions import searched
from shared.models import contact_tags, contacts, lists, subscription_history, subscriptions, tags

_STANDING = (
    subscriptions.c.status,
    subscriptions.c.source,
    subscriptions.c.campaign_id,
    subscriptions.c.created_at.label("added_at"),
    subscriptions.c.changed_at,
)


@dataclass(frozen=True)
class Filter:
    """Which contacts to show; what is None says nothing."""

    #: part of the address or of a name, in any case
    search: str | None = None
    #: the address itself, as `Address.key`
    email_key: str | None = None
    list_id: UUID | None = None
    #: standing on that list
    status: str | None = None
    tag_id: UUID | None = None


def window(tx: Connection, account_id: UUID, page: Window, which: Filter) -> tuple[list[Row], bool]:
    """A page of the account's contacts, newest first, and whether there are more in that direction."""
    by_index(tx, search=which.search is not None)
    query = select(*SHOWN).where(contacts.c.account_id == account_id, *_conditions(which))
    return rows_in(tx, query, contacts.c.id, page)


def members(
    tx: Connection, account_id: UUID, list_id: UUID, page: Window, which: Filter
) -> tuple[list[Row], bool]:
    """A page of those on a list, with their standing, the contact made last first."""
    by_index(tx, search=which.search is not None)
    query = (
        select(*SHOWN, *_STANDING)
        .join(subscriptions, subscriptions.c.contact_id == contacts.c.id)
        .where(
            contacts.c.account_id == account_id,
            subscriptions.c.list_id == list_id,
            *([subscriptions.c.status == which.status] if which.status else []),
            *_conditions(Filter(search=which.search)),
        )
    )
    # said of both sides: a merge of the two would read one of them from its beginning for each page
    if page.after:
        query = query.where(contacts.c.id < page.after)
    if page.before:
        query = query.where(contacts.c.id > page.before)
    return rows_in(tx, query, subscriptions.c.contact_id, page)


def lists_of(tx: Connection, account_id: UUID, contact_id: UUID) -> list[Row]:
    """The lists a contact is on, with their standing there, the list made last first."""
    query = (
        select(lists.c.id.label("list_id"), lists.c.name, *_STANDING)
        .join(subscriptions, subscriptions.c.list_id == lists.c.id)
        .where(lists.c.account_id == account_id, subscriptions.c.contact_id == contact_id)
        .order_by(lists.c.id.desc())
    )
    return [dict(row) for row in tx.execute(query).mappings()]


def tags_of(tx: Connection, account_id: UUID, contact_id: UUID) -> list[Row]:
    """The tags of a contact, by name."""
    query = (
        select(tags.c.id, tags.c.name, tags.c.color)
        .join(contact_tags, contact_tags.c.tag_id == tags.c.id)
        .where(tags.c.account_id == account_id, contact_tags.c.contact_id == contact_id)
        .order_by(tags.c.name)
    )
    return [dict(row) for row in tx.execute(query).mappings()]


def history_of(tx: Connection, account_id: UUID, contact_id: UUID) -> list[Row]:
    """Every standing that a contact has or had on any list, the latest first; `until` is None for now's."""
    past = subscription_history
    shown = ("list_id", "status", "source", "campaign_id")
    was = select(*(past.c[name] for name in shown), past.c.since, past.c.until).where(
        past.c.account_id == account_id, past.c.contact_id == contact_id
    )
    now = select(
        *(subscriptions.c[name] for name in shown),
        subscriptions.c.changed_at.label("since"),
        sql_null().label("until"),
    ).where(subscriptions.c.account_id == account_id, subscriptions.c.contact_id == contact_id)
    both = union_all(was, now).subquery()
    query = select(both).order_by(both.c.since.desc(), both.c.until.desc().nulls_first())
    return [dict(row) for row in tx.execute(query).mappings()]


def _conditions(which: Filter) -> list[ColumnElement[bool]]:
    conditions: list[Any] = []
    if which.email_key:
        conditions.append(contacts.c.email_key == which.email_key)
    if which.search:
        conditions.append(searched(which.search))
    if which.list_id:
        conditions.append(
            exists().where(
                subscriptions.c.list_id == which.list_id,
                subscriptions.c.contact_id == contacts.c.id,
                *([subscriptions.c.status == which.status] if which.status else []),
            )
        )
    if which.tag_id:
        conditions.append(
            exists().where(contact_tags.c.tag_id == which.tag_id, contact_tags.c.contact_id == contacts.c.id)
        )
    return conditions
