"""Tags as rows, and whom they are on; every statement is scoped by account."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, delete, func, insert, or_, select, text, update
from sqlalchemy.exc import IntegrityError

from services.gateway.errors import problem
from services.gateway.list_store import OPEN_CAMPAIGNS
from services.gateway.one_insert import Row
from services.gateway.windows import Window, rows_in
from shared.errors import FieldError
from shared.ids import new_id
from shared.models import campaigns, contact_tags, tags

_SHOWN = (tags.c.id, tags.c.name, tags.c.color, tags.c.created_at)

# Ordered, so that two of these at once lock rows in one order; what is of another account is passed over.
_ATTACH = text(
    """
    INSERT INTO contact_tags (tag_id, contact_id, account_id)
    SELECT tags.id, contacts.id, tags.account_id FROM tags JOIN contacts USING (account_id)
    WHERE tags.account_id = :account_id AND tags.id = ANY(CAST(:tag_ids AS uuid[]))
      AND contacts.id = ANY(CAST(:contact_ids AS uuid[]))
    ORDER BY tags.id, contacts.id
    ON CONFLICT DO NOTHING
    """
)


def create(tx: Connection, account_id: UUID, values: dict[str, Any]) -> Row:
    """Makes a tag of `values` (name, color).

    Raises:
        ApiError: 409; the account has one of this name.
    """
    statement = insert(tags).values(id=new_id(), account_id=account_id, **values).returning(*_SHOWN)
    try:
        return dict(tx.execute(statement).mappings().one())
    except IntegrityError:
        raise _name_taken() from None


def window(tx: Connection, account_id: UUID, page: Window) -> tuple[list[Row], bool]:
    """A page of the account's tags, newest first, and whether there are more."""
    return rows_in(tx, select(*_SHOWN).where(tags.c.account_id == account_id), tags.c.id, page)


def get(tx: Connection, account_id: UUID, id: UUID) -> Row | None:
    """One tag; `None` if the account has none with this id."""
    query = select(*_SHOWN).where(tags.c.account_id == account_id, tags.c.id == id)
    row = tx.execute(query).mappings().one_or_none()
    return dict(row) if row else None


def known(tx: Connection, account_id: UUID, ids: Collection[UUID]) -> set[UUID]:
    """Those of `ids` that are tags of the account."""
    query = select(tags.c.id).where(tags.c.account_id == account_id, tags.c.id.in_(ids))
    return set(tx.execute(query).scalars())


def contacts_with(tx: Connection, account_id: UUID, id: UUID) -> int:
    """How many have a tag."""
    query = select(func.count()).where(contact_tags.c.account_id == account_id, contact_tags.c.tag_id == id)
    return int(tx.execute(query).scalar_one())


def change(tx: Connection, account_id: UUID, id: UUID, values: dict[str, Any]) -> Row | None:
    """Changes `values` of a tag; as it is now, `None` if there is none.

    Raises:
        ApiError: 409; the account has another one of this name.
    """
    statement = update(tags).where(tags.c.account_id == account_id, tags.c.id == id).values(**values)
    try:
        row = tx.execute(statement.returning(*_SHOWN)).mappings().one_or_none()
    except IntegrityError:
        raise _name_taken() from None
    return dict(row) if row else None


def is_in_use(tx: Connection, account_id: UUID, id: UUID) -> bool:
    """Whether a campaign that has not ended names the tag, to reach or to leave out who has it."""
    named = [campaigns.c.audience.contains({part: [str(id)]}) for part in ("tag_ids", "exclude_tag_ids")]
    query = select(campaigns.c.id).where(
        campaigns.c.account_id == account_id, campaigns.c.status.in_(OPEN_CAMPAIGNS), or_(*named)
    )
    return tx.execute(query.limit(1)).first() is not None


def remove(tx: Connection, account_id: UUID, id: UUID) -> Row | None:
    """Deletes a tag and takes it off everybody; what it was, `None` if there is none."""
    statement = delete(tags).where(tags.c.account_id == account_id, tags.c.id == id).returning(*_SHOWN)
    row = tx.execute(statement).mappings().one_or_none()
    return dict(row) if row else None


def attach(tx: Connection, account_id: UUID, tag_ids: Collection[UUID], contact_ids: Collection[UUID]) -> int:
    """Puts tags on contacts; how many that is new of (pairs)."""
    values = {"tag_ids": [str(id) for id in tag_ids], "contact_ids": [str(id) for id in contact_ids]}
    return tx.execute(_ATTACH, {"account_id": account_id, **values}).rowcount


def detach(tx: Connection, account_id: UUID, tag_id: UUID, contact_ids: Collection[UUID]) -> int:
    """Takes a tag off contacts; how many had it."""
    statement = delete(contact_tags).where(
        contact_tags.c.account_id == account_id,
        contact_tags.c.tag_id == tag_id,
        contact_tags.c.contact_id.in_(contact_ids),
    )
    return tx.execute(statement).rowcount


def _name_taken() -> Exception:
    return problem("tag_name_taken", errors=[FieldError("/name", "Another tag has this name.")])
