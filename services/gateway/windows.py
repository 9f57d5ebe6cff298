"""Pages of a list by keyset on UUIDv7 ids: newest first, as fast at the millionth row as at the first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Select

from services.gateway.one_insert import Row


@dataclass(frozen=True)
class Window:
    """At most `limit` rows after (older than) or before (newer than) a row's id."""

    limit: int
    after: UUID | None = None
    before: UUID | None = None

    @classmethod
    def of(cls, query: dict[str, Any]) -> Window:
        """What a request's query (schemas.windows.WindowQuerySchema) asks for."""
        return cls(query["limit"], query.get("after"), query.get("before"))


def rows_in(
    tx: Connection, query: Select[Any], id: ColumnElement[UUID], window: Window
) -> tuple[list[Row], bool]:
    """The rows of `query` in the window, newest first, and whether there are more in its direction."""
    if window.after:
        query = query.where(id < window.after)
    if window.before:
        query = query.where(id > window.before)
    order = id.asc() if window.before else id.desc()
    rows = [dict(row) for row in tx.execute(query.order_by(order).limit(window.limit + 1)).mappings()]
    page = rows[: window.limit]
    return page[::-1] if window.before else page, len(rows) > window.limit
