"""A range of events told once more: a page a transaction, its cursor moved in the same one."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from services.webhooks import queries
from services.webhooks.deliver import nudge
from services.webhooks.feeder import insert_deliveries
from shared import event_feed
from shared.contracts import ReplayEvents
from shared.events import matches
from shared.ids import id_floor
from shared.outbox import emit

_PAGE = 200


def replay(tx: Connection, replay_id: str) -> None:
    """The next page of a replay; says itself again while there is more."""
    found: Any = tx.execute(queries.LOCK_REPLAY, {"id": replay_id}).one_or_none()
    if found is None:
        return
    rows = tx.execute(
        queries.EVENTS_BETWEEN,
        {
            "account": str(found.account_id),
            "after": str(found.cursor),
            "until": str(id_floor(found.until)),
            "limit": _PAGE,
        },
    ).all()
    wanted = [row for row in rows if matches(found.events, row.type)]
    items = [item for told in event_feed.tell(tx, wanted) for item in told]
    insert_deliveries(tx, found.endpoint_id, found.account_id, items, replay=True)
    finished = len(rows) < _PAGE
    cursor = rows[-1].id if rows else found.cursor
    values = {"id": replay_id, "cursor": str(cursor), "added": len(items), "finished": finished}
    tx.execute(queries.MOVE_REPLAY, values)
    if items:
        emit(tx, nudge(found.endpoint_id, failing=found.failures > 0))
    if not finished:
        emit(tx, ReplayEvents(replay_id))
