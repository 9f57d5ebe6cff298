"""Reports: a row a recipient of what a filter of the log finds, as JSON and as files of any size.

Files are read page by page, each in a transaction of its own: memory stays flat whatever their size, whoever
reads slowly holds nothing up, and after a client that went away nothing more is read. The first page is a
small one, so that the first byte comes early.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Connection, Uuid, any_, literal, select

from shared.clock import iso
from shared.csv_out import csv_text
from shared.db import transaction
from shared.mail_log import search
from shared.mail_log.filter import LogFilter
from shared.metrics import Counter
from shared.models import emails, recipients

_STREAMED = Counter("mailmatic_report_rows_total", "Rows of reports that were read to be streamed.")

Row = dict[str, Any]

FORMS = ("csv", "jsonl")
#: Emails of a file's first page, and of the others.
_FIRST, _PAGE = 200, 2_000

_OF_EMAIL = (
    emails.c.message_id,
    emails.c.created_at,
    emails.c.from_address.label("from"),
    emails.c.subject,
    emails.c.tags,
    emails.c.campaign_id,
    emails.c.test,
    emails.c.attempts,
)
_OF_RECIPIENT = (
    recipients.c.email_id,
    recipients.c.address.label("to"),
    recipients.c.kind,
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
    recipients.c.updated_at,
)
COLUMNS = (
    "email_id",
    "message_id",
    "created_at",
    "from",
    "to",
    "kind",
    "subject",
    "status",
    "smtp_code",
    "smtp_reply",
    "relay",
    "bounce_class",
    "bounce_reason",
    "opens",
    "clicks",
    "opened_at",
    "clicked_at",
    "machine_opens",
    "machine_clicks",
    "tags",
    "campaign_id",
    "test",
    "attempts",
    "updated_at",
)


def rows_of(tx: Connection, ids: Sequence[UUID]) -> list[Row]:
    """The rows of some emails, newest first.

    Two look-ups by key, put together here: of a join of two thousand with as many the planner can believe
    that it is ten with ten.
    """
    if not ids:
        return []
    mail = select(emails.c.id, *_OF_EMAIL).where(*_are(emails.c.id, ids))
    by_id = {row["id"]: row for row in tx.execute(mail).mappings()}
    query = select(*_OF_RECIPIENT).where(*_are(recipients.c.email_id, ids))
    found = tx.execute(query.order_by(recipients.c.email_id.desc(), recipients.c.position)).mappings()
    return [{**by_id[row["email_id"]], **row} for row in found if row["email_id"] in by_id]


def _are(id: ColumnElement[UUID], ids: Sequence[UUID]) -> tuple[ColumnElement[bool], ...]:
    """Whether an id is one of `ids`, newest first; their range tells the planner in which months they are."""
    return id <= ids[0], id >= ids[-1], id == any_(literal(list(ids), ARRAY(Uuid)))


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
            _STREAMED.inc(len(rows))
            yield rows
        size, more = _PAGE, after is not None


def _plain(value: Any) -> Any:
    convert = _PLAIN.get(type(value))
    return convert(value) if convert else value


def _cell(value: Any) -> Any:
    convert = _CELL.get(type(value))
    return convert(value) if convert else value


#: type → what JSON, and CSV, have for it; whatever is not here stays as it is
_PLAIN: dict[type, Callable[[Any], Any]] = {datetime: iso, UUID: str}
_CELL: dict[type, Callable[[Any], Any]] = {
    **_PLAIN,
    bool: lambda value: "true" if value else "false",
    list: " ".join,
}
