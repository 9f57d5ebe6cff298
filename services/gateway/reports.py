"""Reports: a row a recipient of what a filter of the log finds, as JSON and as files of any size.

Files are read page by page, each in a transaction of its own: memory stays flat whatever their size, whoever
reads slowly holds nothing up, and after a client that went away nothing more is read. The first page is a
small one, so that the first byte comes early.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select

from services.gateway.csv_out import csv_text
from services.gateway.log_search import LogFilter, Part, ids_of
from services.gateway.one_insert import Row
from shared.clock import iso
from shared.db import transaction
from shared.models import emails, recipients

#: Emails of a file's first page, and of the others.
_FIRST, _PAGE = 200, 2_000

_SHOWN = (
    recipients.c.email_id,
    emails.c.message_id,
    emails.c.created_at,
    emails.c.from_address.label("from"),
    recipients.c.address.label("to"),
    recipients.c.kind,
    emails.c.subject,
    recipients.c.status,
    recipients.c.smtp_code,
    recipients.c.smtp_reply,
    recipients.c.relay,
    recipients.c.bounce_class,
    recipients.c.bounce_reason,
    recipients.c.opens,
    recipients.c.clicks,
    recipients.c.opened_at,
    recipients.c.clicked_at,
    recipients.c.machine_opens,
    recipients.c.machine_clicks,
    emails.c.tags,
    emails.c.campaign_id,
    emails.c.test,
    emails.c.attempts,
    recipients.c.updated_at,
)
COLUMNS = tuple(column.name for column in _SHOWN)


def page(tx: Connection, account_id: UUID, which: LogFilter, part: Part) -> tuple[list[Row], UUID | None]:
    """Rows of the next emails, newest first, and the id behind which there are more; None: there are none."""
    wanted = Part(part.limit + 1, part.after, subjects=None)
    ids = list(tx.execute(ids_of(tx, account_id, which, wanted)).scalars())
    chosen = ids[: part.limit]
    if not chosen:
        return [], None
    query = (
        select(*_SHOWN)
        .join(emails, emails.c.id == recipients.c.email_id)
        .where(emails.c.id.in_(chosen), recipients.c.email_id.in_(chosen))
        .order_by(recipients.c.email_id.desc(), recipients.c.position)
    )
    rows = [dict(row) for row in tx.execute(query).mappings()]
    return rows, chosen[-1] if len(ids) > part.limit else None


def as_csv(account_id: UUID, which: LogFilter) -> Iterator[str]:
    """All rows as CSV; none of its cells is a formula to a spreadsheet."""
    yield csv_text([COLUMNS])
    for rows in _pages(account_id, which):
        yield csv_text([[_cell(row[name]) for name in COLUMNS] for row in rows])


def as_json_lines(account_id: UUID, which: LogFilter) -> Iterator[str]:
    """All rows, an object a line."""
    for rows in _pages(account_id, which):
        yield "".join(json.dumps(shown(row), ensure_ascii=False) + "\n" for row in rows)


def shown(row: Row) -> dict[str, Any]:
    """A row as JSON has it."""
    return {name: _plain(row[name]) for name in COLUMNS}


def _pages(account_id: UUID, which: LogFilter) -> Iterator[list[Row]]:
    after, size, more = None, _FIRST, True
    while more:
        with transaction() as tx:
            rows, after = page(tx, account_id, which, Part(size, after))
        if rows:
            yield rows
        size, more = _PAGE, after is not None


def _plain(value: Any) -> Any:
    if hasattr(value, "isoformat"):
        return iso(value)
    return str(value) if isinstance(value, UUID) else value


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return " ".join(value) if isinstance(value, list) else _plain(value)
