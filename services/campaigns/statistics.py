"""Statistics are rolled up out of the events, in the order of their transactions: none twice, none lost.

Nothing of it is on the way of mail: an event's row is all that a sender writes. A thread of the schedulers
follows the feed (shared.event_feed) account by account, each with a cursor of its own that moves in the
transaction that counts; whichever scheduler is at it, it is alone.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from services.campaigns import statistics_sql
from shared.db import transaction
from shared.event_feed import Position
from shared.observability import get_logger
from shared.rounds import start_rounds
from shared.settings import settings

log = get_logger("statistics")

#: Events of one transaction: bounds it, and lets no account wait long for another.
_BATCH = 5_000


def start_rolling_up(stop: threading.Event) -> None:
    """Counts what happens until `stop`, from a daemon thread."""

    def once(stop: threading.Event) -> bool:
        return roll_up(stop) >= _BATCH

    start_rounds("statistics", once, lambda: settings().statistics_poll_seconds, stop)


def roll_up(stop: threading.Event) -> int:
    """One round over all accounts, a batch each; how many events were counted."""
    with transaction() as tx:
        if not tx.execute(statistics_sql.ALONE).scalar_one():
            return 0
        tx.execute(statistics_sql.ADD_CURSORS)
        behind = _behind(tx)
    counted = 0
    for account_id in behind:
        if stop.is_set():
            break
        with transaction() as tx:
            if not tx.execute(statistics_sql.ALONE).scalar_one():
                break
            counted += _count(tx, account_id)
    return counted


def _behind(tx: Connection) -> Sequence[UUID]:
    """The accounts that have events behind their cursor."""
    cursors = tx.execute(statistics_sql.CURSORS).all()
    values = {
        "accounts": [str(row.account_id) for row in cursors],
        "xids": [row.xid for row in cursors],
        "ids": [str(row.event_id) for row in cursors],
        "floors": [str(_position(row).floor) for row in cursors],
    }
    return tx.execute(statistics_sql.BEHIND, values).scalars().all()


def _count(tx: Connection, account_id: UUID) -> int:
    row = tx.execute(statistics_sql.CURSOR, {"account": str(account_id)}).one()
    position = _position(row)
    values = {
        "account": str(account_id),
        "xid": position.xid,
        "id": str(position.id),
        "floor": str(position.floor),
        "batch": _BATCH,
    }
    return int(tx.execute(statistics_sql.ROLL_UP, values).scalar_one())


def _position(row: Any) -> Position:
    return Position(row.xid, row.event_id)
