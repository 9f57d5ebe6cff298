"""Events → deliveries: each endpoint is told what happened since it was last told, exactly once.

An event's row is the outbox: it exists exactly when the change does. A round reads what lies behind each
endpoint's cursor (shared.event_feed), writes a delivery for all that its filter lets through and moves the
cursor, in one transaction; a crash repeats or skips nothing. Accounts without endpoints cost nothing, the
others nothing on the way of their mail.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from services.webhooks import queries
from services.webhooks.deliver import nudge
from shared import event_feed
from shared.clock import now
from shared.db import transaction
from shared.event_feed import Position, Reader, Told
from shared.events import matches
from shared.ids import new_id
from shared.metrics import Counter
from shared.observability import get_logger
from shared.outbox import emit_all
from shared.rounds import start_rounds
from shared.settings import settings

log = get_logger("webhooks")

TOLD = Counter("mailmatic_webhook_deliveries_total", "Deliveries made out of events.")

#: Endpoints of one transaction, and events of each: bounds the transaction and lets nobody wait long.
_ENDPOINTS, _EVENTS = 100, 200
_NOBODY = UUID(int=0)


def start_feeding(stop: threading.Event) -> None:
    """Feeds until `stop`, from a daemon thread."""
    start_rounds("feeder", feed_all, lambda: settings().webhook_poll_seconds, stop)


def feed_all(stop: threading.Event) -> bool:
    """One round over all endpoints; whether there is more at once."""
    after, more = _NOBODY, False
    while not stop.is_set():
        with transaction() as tx:
            last, full = _feed(tx, after)
        more = more or full
        if last is None:
            break
        after = last
    return more


def _feed(tx: Connection, after: UUID) -> tuple[UUID | None, bool]:
    """Feeds the next endpoints behind `after`; the last of them, and whether one has more to be told."""
    cursors = tx.execute(queries.TAKE_CURSORS, {"after": str(after), "batch": _ENDPOINTS}).all()
    if not cursors:
        return None, False
    readers = [
        Reader(str(row.endpoint_id), row.account_id, Position(row.xid, row.event_id)) for row in cursors
    ]
    found = event_feed.read_after(tx, readers, _EVENTS)
    new = {name: rows for name, rows in found.items() if rows}
    if new:
        _tell(tx, {str(row.endpoint_id): row for row in cursors}, new)
    return cursors[-1].endpoint_id, any(len(rows) == _EVENTS for rows in new.values())


def _tell(tx: Connection, cursors: dict[str, Any], new: dict[str, list[Any]]) -> None:
    wanted = {
        name: [row for row in rows if matches(cursors[name].events, row.type)] for name, rows in new.items()
    }
    # several endpoints of one account are told the same: it is looked up once
    rows = list({row.id: row for of_one in wanted.values() for row in of_one}.values())
    told = dict(zip((row.id for row in rows), event_feed.tell(tx, rows), strict=True))
    for name, of_one in wanted.items():
        items = [item for row in of_one for item in told[row.id]]
        insert_deliveries(tx, UUID(name), cursors[name].account_id, items, replay=False)
    last = {name: event_feed.position_of(rows[-1]) for name, rows in new.items()}
    tx.execute(
        queries.MOVE_CURSORS,
        {
            "endpoints": list(last),
            "xids": [position.xid for position in last.values()],
            "ids": [str(position.id) for position in last.values()],
        },
    )
    moment = now()
    awake = [
        name
        for name, items in wanted.items()
        if items and not (cursors[name].paused_until and cursors[name].paused_until > moment)
    ]
    emit_all(tx, [(nudge(UUID(name), failing=cursors[name].failures > 0), None) for name in awake])


def insert_deliveries(
    tx: Connection, endpoint_id: UUID, account_id: UUID, items: Sequence[Told], *, replay: bool
) -> None:
    """Deliveries of `items` to one endpoint, due at once."""
    if not items:
        return
    tx.execute(
        queries.INSERT_DELIVERIES,
        {
            "ids": [str(new_id()) for _ in items],
            "endpoints": [str(endpoint_id)] * len(items),
            "accounts": [str(account_id)] * len(items),
            "webhook_ids": [item.id for item in items],
            "types": [item.type for item in items],
            "bodies": [json.dumps(item.body(), ensure_ascii=False, separators=(",", ":")) for item in items],
            "replay": replay,
        },
    )
    TOLD.inc(len(items))
