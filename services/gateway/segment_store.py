"""Segments as rows, and who is in them at this moment; every statement is scoped by account."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Connection, delete, func, insert, or_, select, update

from services.gateway.contact_store import SHOWN
from services.gateway.list_store import OPEN_CAMPAIGNS
from services.gateway.one_insert import Row
from services.gateway.windows import Window, rows_in
from shared.audience import Audience, Rule, by_index, count
from shared.audience.conditions import condition
from shared.clock import now
from shared.ids import new_id
from shared.models import campaigns, contacts, segments

_SHOWN = (
    segments.c.id,
    segments.c.name,
    segments.c.description,
    segments.c.rules,
    segments.c.created_at,
    segments.c.updated_at,
)


def create(tx: Connection, account_id: UUID, values: dict[str, Any]) -> Row:
    """Makes a segment of `values` (name, description, rules)."""
    moment = now()
    statement = insert(segments).values(
        id=new_id(), account_id=account_id, created_at=moment, updated_at=moment, **values
    )
    return dict(tx.execute(statement.returning(*_SHOWN)).mappings().one())


def window(tx: Connection, account_id: UUID, page: Window) -> tuple[list[Row], bool]:
    """A page of the account's segments, newest first, and whether there are more."""
    return rows_in(tx, select(*_SHOWN).where(segments.c.account_id == account_id), segments.c.id, page)


def get(tx: Connection, account_id: UUID, id: UUID) -> Row | None:
    """One segment; `None` if the account has none with this id."""
    query = select(*_SHOWN).where(segments.c.account_id == account_id, segments.c.id == id)
    row = tx.execute(query).mappings().one_or_none()
    return dict(row) if row else None


def change(tx: Connection, account_id: UUID, id: UUID, values: dict[str, Any]) -> Row | None:
    """Changes `values` of a segment; as it is now, `None` if there is none."""
    statement = (
        update(segments)
        .where(segments.c.account_id == account_id, segments.c.id == id)
        .values(updated_at=now(), **values)
        .returning(*_SHOWN)
    )
    row = tx.execute(statement).mappings().one_or_none()
    return dict(row) if row else None


def is_in_use(tx: Connection, account_id: UUID, id: UUID) -> bool:
    """Whether a campaign that has not ended goes to the segment, or leaves it out."""
    named = [
        campaigns.c.audience.contains({"segment_id": str(id)}),
        campaigns.c.audience.contains({"segment_ids": [str(id)]}),
        campaigns.c.audience.contains({"exclude_segment_ids": [str(id)]}),
    ]
    query = select(campaigns.c.id).where(
        campaigns.c.account_id == account_id, campaigns.c.status.in_(OPEN_CAMPAIGNS), or_(*named)
    )
    return tx.execute(query.limit(1)).first() is not None


def remove(tx: Connection, account_id: UUID, id: UUID) -> Row | None:
    """Deletes a segment; what it was, `None` if there is none."""
    statement = delete(segments).where(segments.c.account_id == account_id, segments.c.id == id)
    row = tx.execute(statement.returning(*_SHOWN)).mappings().one_or_none()
    return dict(row) if row else None


def members(tx: Connection, account_id: UUID, rules: Rule, page: Window) -> tuple[list[Row], bool]:
    """A page of those who meet `rules`, newest first, and whether there are more in that direction."""
    by_index(tx, [rules])
    query = select(*SHOWN).where(contacts.c.account_id == account_id, condition(rules, now()))
    return rows_in(tx, query, contacts.c.id, page)


def counts(tx: Connection, account_id: UUID, rules: Rule) -> dict[str, int]:
    """How many meet `rules`, and how many of them a campaign to the segment reaches."""
    meeting = select(func.count()).where(contacts.c.account_id == account_id, condition(rules, now()))
    return {
        "contacts": int(tx.execute(meeting.select_from(contacts)).scalar_one()),
        "reachable": count(tx, account_id, Audience(rules=(rules,))),
    }
