"""The suppression list as its owner reads it: pages, one address, the whole of it, and removal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, delete, select

from services.gateway.one_insert import Row
from services.gateway.windows import Window, rows_in
from shared.models import suppressions

_SHOWN = (
    suppressions.c.id,
    suppressions.c.address.label("email"),
    suppressions.c.reason,
    suppressions.c.source,
    suppressions.c.email_id,
    suppressions.c.event_id,
    suppressions.c.created_at,
)


@dataclass(frozen=True)
class Filter:
    """Which suppressions to show: a part of the address, a reason."""

    search: str | None = None
    reason: str | None = None


def window(tx: Connection, account_id: UUID, page: Window, which: Filter) -> tuple[list[Row], bool]:
    """A page of the account's suppressions, newest first, and whether there are more in that direction."""
    query = select(*_SHOWN).where(suppressions.c.account_id == account_id)
    if which.reason:
        query = query.where(suppressions.c.reason == which.reason)
    if which.search:
        query = query.where(suppressions.c.address.icontains(which.search, autoescape=True))
    return rows_in(tx, query, suppressions.c.id, page)


def of_addresses(tx: Connection, account_id: UUID, keys: Sequence[str]) -> dict[str, Row]:
    """The account's suppressions of these addresses (`Address.key`), by address."""
    found = tx.execute(
        select(*_SHOWN).where(suppressions.c.account_id == account_id, suppressions.c.address.in_(keys))
    )
    return {row["email"]: dict(row) for row in found.mappings()}


def remove(tx: Connection, account_id: UUID, key: str) -> Row | None:
    """Removes the suppression of one address (`Address.key`); what it was, `None` if there is none."""
    row = (
        tx.execute(
            delete(suppressions)
            .where(suppressions.c.account_id == account_id, suppressions.c.address == key)
            .returning(*_SHOWN)
        )
        .mappings()
        .one_or_none()
    )
    return dict(row) if row else None
