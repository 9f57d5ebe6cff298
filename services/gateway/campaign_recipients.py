"""Who got a campaign, and what came of each: out of its ledger, by contact."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select

from services.gateway.one_insert import Row
from services.gateway.windows import Window, rows_in
from shared.clock import iso
from shared.models import campaign_recipients, recipients

_COLUMNS = (
    "email",
    "status",
    "updated_at",
    "opened_at",
    "clicked_at",
    "machine_opened_at",
    "machine_clicked_at",
    "smtp_reply",
)
#: What a spreadsheet would take for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def window(
    tx: Connection, campaign_id: UUID, page: Window, which: Mapping[str, Any]
) -> tuple[list[Row], bool]:
    """A page of the campaign's recipients, and whether there are more."""
    ledger = campaign_recipients.c
    query = (
        select(
            ledger.contact_id.label("id"),
            ledger.contact_id,
            ledger.email_id,
            recipients.c.address.label("email"),
            recipients.c.status,
            recipients.c.smtp_reply,
            recipients.c.updated_at,
            ledger.opened_at,
            ledger.clicked_at,
            ledger.machine_opened_at,
            ledger.machine_clicked_at,
        )
        .join(recipients, recipients.c.email_id == ledger.email_id)
        .where(ledger.campaign_id == campaign_id)
    )
    if which.get("status"):
        query = query.where(recipients.c.status == which["status"])
    if which.get("domain"):
        query = query.where(recipients.c.address.iendswith("@" + which["domain"], autoescape=True))
    for name, column in (("opened", ledger.opened_at), ("clicked", ledger.clicked_at)):
        if which.get(name) is not None:
            query = query.where(column.is_not(None) if which[name] else column.is_(None))
    return rows_in(tx, query, ledger.contact_id, page)


def csv_lines(rows: Sequence[Row], *, header: bool) -> str:
    """`rows` as lines of CSV."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    if header:
        writer.writerow(_COLUMNS)
    writer.writerows([_cell(row[name]) for name in _COLUMNS] for row in rows)
    return out.getvalue()


def _cell(value: Any) -> str:
    shown = "" if value is None else value if isinstance(value, str) else iso(value)
    return f"'{shown}" if shown.startswith(_FORMULA) else shown
