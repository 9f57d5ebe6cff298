"""Monthly partitions by UUIDv7: made ahead of time, by the migration and then daily by the scheduler."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection, text

from shared.ids import id_floor

PARTITIONED = ("contents", "attachments", "files", "emails", "recipients", "events", "counted_firsts")
MONTHS_AHEAD = 3

#: Room (percent filled) for the next version of a row beside the last. Nearly every recipient is changed
#: once, no index is about what changes, and a version on the same page needs no new entry in any: at 55, one
#: in four found no room there, and the table became as large as it is at 40. An email is changed when it is
#: claimed and when it is recorded; on the same page that is less to log, and the last version takes the place
#: of the first.
FILLED = {"emails": 45, "recipients": 40}


def ensure_partitions(tx: Connection, moment: datetime, tables: Sequence[str] = PARTITIONED) -> None:
    """Makes the partitions of `moment`'s month and the next three; those that exist are left alone.

    Rows outside every month land in the default partition, so an install whose scheduler was away for months
    still accepts mail.
    """
    for table in tables:
        for ahead in range(MONTHS_AHEAD + 1):
            start, end = _month(moment, ahead), _month(moment, ahead + 1)
            tx.execute(
                text(
                    f"CREATE TABLE IF NOT EXISTS {table}_{start:%Y%m} PARTITION OF {table} "
                    f"FOR VALUES FROM ('{id_floor(start)}') TO ('{id_floor(end)}')" + _storage(table)
                )
            )
        tx.execute(
            text(f"CREATE TABLE IF NOT EXISTS {table}_default PARTITION OF {table} DEFAULT" + _storage(table))
        )


def months_of(tx: Connection, table: str) -> list[datetime]:
    """The months that have a partition, oldest first; each as its first moment (UTC)."""
    names = tx.execute(
        text("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = CAST(:table AS regclass)"),
        {"table": table},
    ).scalars()
    ends = (name.rpartition("_")[2] for name in names)
    return sorted(datetime.strptime(end + "+0000", "%Y%m%z") for end in ends if end.isdigit())


def drop_month(tx: Connection, table: str, month: datetime) -> None:
    """Drops the partition of a month with all that is in it."""
    tx.execute(text(f"DROP TABLE IF EXISTS {table}_{month:%Y%m}"))


def month_of(moment: datetime) -> datetime:
    """Which month a moment lies in."""
    return _month(moment, 0)


def month_after(month: datetime) -> datetime:
    """The next one."""
    return _month(month, 1)


def _storage(table: str) -> str:
    return f" WITH (fillfactor = {FILLED[table]})" if table in FILLED else ""


def _month(moment: datetime, ahead: int) -> datetime:
    months = moment.year * 12 + moment.month - 1 + ahead
    return datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC)
