"""Templates as rows: made, listed, found, changed and deleted; every statement is scoped by account."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from services.gateway.errors import problem
from services.gateway.one_insert import Row
from services.gateway.windows import Window, rows_in
from shared.clock import now
from shared.errors import FieldError
from shared.ids import new_id
from shared.models import templates

_LISTED = (
    templates.c.id,
    templates.c.name,
    templates.c.subject,
    templates.c.created_at,
    templates.c.updated_at,
)
_SHOWN = (*_LISTED, templates.c.html, templates.c.text)


def create(tx: Connection, account_id: UUID, values: dict[str, Any]) -> Row:
    """Makes a template of `values` (name, subject, html, text).

    Raises:
        ApiError: 409; the account has one of this name.
    """
    moment = now()
    statement = insert(templates).values(
        id=new_id(), account_id=account_id, created_at=moment, updated_at=moment, **values
    )
    try:
        return dict(tx.execute(statement.returning(*_SHOWN)).mappings().one())
    except IntegrityError:
        raise _name_taken() from None


def window(tx: Connection, account_id: UUID, page: Window) -> tuple[list[Row], bool]:
    """A page of the account's templates without their bodies, newest first, and whether there are more."""
    query = select(*_LISTED).where(templates.c.account_id == account_id)
    return rows_in(tx, query, templates.c.id, page)


def get(tx: Connection, account_id: UUID, id: UUID, *, lock: bool = False) -> Row | None:
    """One template; `None` if the account has none with this id."""
    query = select(*_SHOWN).where(templates.c.account_id == account_id, templates.c.id == id)
    row = tx.execute(query.with_for_update() if lock else query).mappings().one_or_none()
    return dict(row) if row else None


def of_ids(tx: Connection, account_id: UUID, ids: Collection[UUID]) -> dict[UUID, Row]:
    """Those of the account's templates that have one of these ids, by id."""
    query = select(*_SHOWN).where(templates.c.account_id == account_id, templates.c.id.in_(ids))
    return {row["id"]: dict(row) for row in tx.execute(query).mappings()}


def change(tx: Connection, account_id: UUID, id: UUID, values: dict[str, Any]) -> Row:
    """Changes `values` of a template that there is.

    Raises:
        ApiError: 409; the account has another one of this name.
    """
    statement = (
        update(templates)
        .where(templates.c.account_id == account_id, templates.c.id == id)
        .values(updated_at=now(), **values)
        .returning(*_SHOWN)
    )
    try:
        return dict(tx.execute(statement).mappings().one())
    except IntegrityError:
        raise _name_taken() from None


def remove(tx: Connection, account_id: UUID, id: UUID) -> Row | None:
    """Deletes a template; what it was, `None` if there is none."""
    row = (
        tx.execute(
            delete(templates)
            .where(templates.c.account_id == account_id, templates.c.id == id)
            .returning(*_SHOWN)
        )
        .mappings()
        .one_or_none()
    )
    return dict(row) if row else None


def _name_taken() -> Exception:
    return problem("template_name_taken", errors=[FieldError("/name", "Another template has this name.")])
