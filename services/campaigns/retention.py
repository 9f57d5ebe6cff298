"""What is too old is removed: bodies, events and the log, each at its own age; never anything unfinished.

A month that is past everybody's age is dropped with its partitions, which costs nothing whatever is in it.
Rows are deleted, some thousand at a time, only where that can't be: of accounts that keep less than others,
and in months of which something is still needed. In a thread of its own, so that scheduled mail waits for
none of it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from services.campaigns import retention_sql
from shared.clock import now
from shared.db import transaction
from shared.ids import id_floor
from shared.observability import get_logger
from shared.partitions import drop_month, month_after, month_of, months_of
from shared.rounds import start_rounds
from shared.settings import settings

log = get_logger("retention")

#: kind → the tables that go together
TABLES = {
    "bodies": ("contents", "attachments", "files"),
    "events": ("events",),
    "logs": ("emails", "recipients", "counted_firsts"),
}
_BATCH = 2_000
_BEGINNING = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True)
class Ages:
    """Before which moment something of a kind is too old: for everybody, and for who keeps less."""

    everybodys: datetime | None
    own: dict[UUID, datetime]

    @classmethod
    def of(cls, rows: list[Any], kind: str, moment: datetime) -> Ages:
        """By the days of each account; 0 days: nothing ever is."""
        usual = getattr(settings(), f"keep_{kind}_days")
        days = {row.id: getattr(row, f"keep_{kind}_days") or usual for row in rows}
        known = {id: moment - timedelta(days=kept) for id, kept in days.items() if kept}
        everybodys = min(known.values()) if known and len(known) == len(days) else None
        return cls(everybodys, {id: since for id, since in known.items() if since != everybodys})


def start_forgetting(stop: threading.Event) -> None:
    """Removes what is too old until `stop`, from a daemon thread."""

    def once(stop: threading.Event) -> bool:
        forget(now(), stop)
        return False

    start_rounds("retention", once, lambda: settings().retention_interval_seconds, stop)


def forget(moment: datetime, stop: threading.Event) -> None:
    """One round: all that is too old at `moment`."""
    with transaction() as tx:
        rows = list(tx.execute(retention_sql.ACCOUNTS))
    for kind in TABLES:
        ages = Ages.of(rows, kind, moment)
        if ages.everybodys:
            _forget_months(kind, ages.everybodys, stop)
        for account_id, before in ages.own.items():
            _delete(kind, before, account_id, stop)


def _forget_months(kind: str, before: datetime, stop: threading.Event) -> None:
    with transaction() as tx:
        months = {month for table in TABLES[kind] for month in months_of(tx, table)}
    for month in sorted(months):
        if month_after(month) <= before and not stop.is_set():
            _drop(kind, month)
    # what is left of them: months that something is still needed of, and what was in none
    _delete(kind, month_of(before), None, stop)


def _drop(kind: str, month: datetime) -> None:
    """Drops a month of a kind, unless something of it is still needed."""
    with transaction() as tx:
        tx.execute(retention_sql.PATIENCE)
        if not tx.execute(retention_sql.ALONE).scalar_one():
            return
        if tx.execute(retention_sql.HELD[kind], _range(month, month_after(month))).scalar_one():
            return
        for table in TABLES[kind]:
            drop_month(tx, table, month)
    log.info("retention.dropped", kind=kind, month=f"{month:%Y-%m}")


def _delete(kind: str, before: datetime, account_id: UUID | None, stop: threading.Event) -> None:
    account = str(account_id) if account_id else None
    values = {**_range(_BEGINNING, before), "account": account, "batch": _BATCH}
    gone = sum(sum(_batches(statement, values, stop)) for statement in retention_sql.DELETE[kind])
    if gone:
        log.info("retention.deleted", kind=kind, rows=gone, account=account)


def _batches(statement: Any, values: dict[str, Any], stop: threading.Event) -> Iterator[int]:
    """How many were deleted each time, until there are no more."""
    deleted = _BATCH
    while deleted == _BATCH and not stop.is_set():
        with transaction() as tx:
            deleted = _delete_some(tx, statement, values)
        yield deleted


def _delete_some(tx: Connection, statement: Any, values: dict[str, Any]) -> int:
    if not tx.execute(retention_sql.ALONE).scalar_one():
        return 0
    return int(tx.execute(statement, values).scalar_one())


def _range(since: datetime, until: datetime) -> dict[str, Any]:
    return {"since": str(id_floor(since)), "until": str(id_floor(until))}
