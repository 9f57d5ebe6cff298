"""Reports: a row a recipient of what a filter of the log finds, as JSON and as files of any size.

Files are read page by page, each in a transaction of its own: memory stays flat whatever their size, whoever
reads slowly holds nothing up, and after a client that went away nothing more is read. The first page is a
small one, so that the first byte comes early.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select

from shared.clock import iso
from shared.csv_out import csv_text
from shared.db import transaction
from shared.mail_log import search
from shared.mail_log.filter import LogFilter
from shared.models import emails, recipients

Row = dict[str, Any]

FORMS = ("csv", "jsonl")
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


def rows_of(tx: Connection, ids: Sequence[UUID]) -> list[Row]:
    """The rows of some emails, newest first."""
    if not ids:
        return []
    query = (
        select(*_SHOWN)
        .join(emails, emails.c.id == recipients.c.email_id)
        .where(emails.c.id.in_(ids), recipients.c.email_id.in_(ids))
        .order_by(recipients.c.email_id.desc(), recipients.c.position)
    )
    return [dict(row) for row in tx.execute(query).mappings()]


def head(form: str) -> str:
    """What a file of this form begins with."""
    return csv_text([COLUMNS]) if form == "csv" else ""


def written(form: str, rows: Sequence[Row]) -> str:
    """Rows in this form: CSV, of which no cell is a formula to a spreadsheet, or JSON lines."""
    if form == "csv":
        return csv_text([[_cell(row[name]) for name in COLUMNS] for row in rows])
    return "".join(json.dumps(shown(row), ensure_ascii=False) + "\n" for row in rows)


def whole(account_id: UUID, which: LogFilter, form: str) -> Iterator[str]:
    """All rows as a file of this form."""
    yield head(form)
    for rows in _pages(account_id, which):
        yield written(form, rows)


def shown(row: Row) -> dict[str, Any]:
    """A row as JSON has it."""
    return {name: _plain(row[name]) for name in COLUMNS}


def _pages(account_id: UUID, which: LogFilter) -> Iterator[list[Row]]:
    after: UUID | None = None
    size, more = _FIRST, True
    while more:
        with transaction() as tx:
            ids, after = search.walk(tx, account_id, which, after, size)
            rows = rows_of(tx, ids)
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
