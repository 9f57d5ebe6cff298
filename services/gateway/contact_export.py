"""Contacts as CSV and as JSON lines, page by page: a million take no more memory than a thousand.

Each page is read in a transaction of its own, so that a slow reader holds none open.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, func, select

from services.gateway.one_insert import Row
from services.gateway.windows import Window
from shared.clock import iso
from shared.csv_out import csv_text
from shared.db import transaction
from shared.models import contacts

#: Reads a page of what is exported.
Read = Callable[[Connection, Window], tuple[list[Row], bool]]

_PAGE = 1_000
#: Most metadata keys that get a column.
_MAX_KEYS = 200

_PLAIN = ("email", "first_name", "last_name")
_STANDING = ("status", "source", "added_at", "changed_at")
_REST = ("suppression", "last_activity_at", "created_at", "updated_at", "id")


def metadata_keys(tx: Connection, account_id: UUID, *which: ColumnElement[bool]) -> list[str]:
    """The keys that the metadata of these contacts have, sorted."""
    key = func.jsonb_object_keys(contacts.c.metadata).label("key")
    inner = select(key).where(contacts.c.account_id == account_id, *which).distinct().subquery()
    return list(tx.execute(select(inner.c.key).order_by(inner.c.key).limit(_MAX_KEYS)).scalars())


def as_csv(read: Read, keys: Sequence[str], *, standing: bool) -> Iterator[str]:
    """All pages as CSV: what an import reads again, then what else is known.

    Args:
        standing: whether rows have the contact's standing on a list.
    """
    rest = (*(_STANDING if standing else ()), *_REST)
    yield csv_text([(*_PLAIN, *(f"metadata.{key}" for key in keys), *rest)])
    for rows in _pages(read):
        yield csv_text(
            (
                *(row[name] for name in _PLAIN),
                *(_cell(row["metadata"].get(key)) for key in keys),
                *(_cell(row[name]) for name in rest),
            )
            for row in rows
        )


def as_json_lines(read: Read, dump: Callable[[Row], Any]) -> Iterator[str]:
    """All pages as JSON, an object a line."""
    for rows in _pages(read):
        yield "".join(json.dumps(dump(row), ensure_ascii=False) + "\n" for row in rows)


def _pages(read: Read) -> Iterator[list[Row]]:
    after: UUID | None = None
    more = True
    while more:
        with transaction() as tx:
            rows, more = read(tx, Window(_PAGE, after=after))
        if rows:
            yield rows
            after = rows[-1]["id"]


def _cell(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if hasattr(value, "isoformat"):
        return iso(value)
    return str(value) if isinstance(value, UUID) else json.dumps(value, ensure_ascii=False)
