"""Exports of reports as rows: made, shown, listed, read, deleted. Scoped by account throughout."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, delete, func, insert, select

from services.gateway.one_insert import Row
from services.gateway.windows import Window, rows_in
from shared.clock import now
from shared.contracts import WriteExport
from shared.db import transaction
from shared.ids import id_floor, id_time, new_id
from shared.mail_log.filter import LogFilter
from shared.models import emails, export_chunks, exports
from shared.outbox import emit
from shared.settings import settings


def create(tx: Connection, account_id: UUID, which: LogFilter, form: str) -> UUID | None:
    """Has a report written of what was accepted by now; its id. None: the account has as many as it may."""
    kept = select(func.count()).select_from(exports).where(exports.c.account_id == account_id)
    if tx.execute(kept).scalar_one() >= settings().exports_kept:
        return None
    moment, id = now(), new_id()
    mine = select(emails.c.id).where(emails.c.account_id == account_id)
    first = tx.execute(mine.order_by(emails.c.id).limit(1)).scalar_one_or_none()
    until = min(which.until or moment, moment)
    tx.execute(
        insert(exports).values(
            id=id,
            account_id=account_id,
            form=form,
            filter=replace(which, until=until).stored(),
            cursor=id_floor(until),
            oldest=max(which.since or datetime.min.replace(tzinfo=UTC), id_time(first) if first else moment),
        )
    )
    emit(tx, WriteExport(str(id)))
    return id


def get(tx: Connection, account_id: UUID, id: UUID) -> Row | None:
    """One export; `None` if the account has none with this id."""
    query = select(exports).where(exports.c.account_id == account_id, exports.c.id == id)
    row = tx.execute(query).mappings().one_or_none()
    return _shown(row) if row else None


def window(tx: Connection, account_id: UUID, page: Window) -> tuple[list[Row], bool]:
    """A page of the account's exports, newest first, and whether there are more."""
    rows, more = rows_in(tx, select(exports).where(exports.c.account_id == account_id), exports.c.id, page)
    return [_shown(row) for row in rows], more


def remove(tx: Connection, account_id: UUID, id: UUID) -> None:
    """Deletes an export and its file, also while it is being written."""
    tx.execute(delete(exports).where(exports.c.account_id == account_id, exports.c.id == id))


def content(id: UUID) -> Iterator[bytes]:
    """The file, a chunk in memory at a time, each read in a transaction of its own."""
    number = 0
    query = select(export_chunks.c.data).where(export_chunks.c.export_id == id)
    while True:
        with transaction() as tx:
            data = tx.execute(query.where(export_chunks.c.number == number)).scalar()
        if data is None:
            return
        yield bytes(data)
        number += 1


def _shown(row: Mapping[Any, Any]) -> Row:
    return {**row, "percent": _percent(row)}


def _percent(row: Mapping[Any, Any]) -> int:
    """By the time that was worked through: nobody counts millions of emails beforehand."""
    if row["status"] == "completed":
        return 100
    newest = LogFilter.of(row["filter"]).until or row["created_at"]
    whole = (newest - row["oldest"]).total_seconds()
    done = (newest - id_time(row["cursor"])).total_seconds()
    return max(0, min(99, int(100 * done / whole))) if whole > 0 else 0
