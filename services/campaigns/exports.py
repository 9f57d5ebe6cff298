"""Reports as files: the campaigns worker writes them step by step, to the end or until it must stop.

A step is one transaction: the rows of some thousand emails, and how far the file is. So it is done or it is
not, whenever its process dies; a claim's number fences off whoever had it before.
"""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, insert, text, update

from shared.clock import now
from shared.contracts import WriteExport
from shared.db import transaction
from shared.mail_log import reports, search
from shared.mail_log.filter import LogFilter
from shared.models import export_chunks, exports
from shared.observability import get_logger
from shared.outbox import emit
from shared.settings import settings

log = get_logger("exports")

#: How long one nudge may take, and a step before another worker takes over (seconds).
_LONGEST, _LEASE = 300.0, 120.0
#: Emails of a step.
_STEP = 5_000

_CLAIM = text(
    """
    UPDATE exports SET status = 'running', attempts = attempts + 1,
        started_at = coalesce(started_at, now()), due_at = now() + make_interval(secs => :lease)
    WHERE id = :id AND status IN ('queued', 'running') AND due_at <= now()
    RETURNING attempts
    """
)
# Whoever claimed since, or deleted it, leaves no such row; who wants to do so now waits.
_HOLD = text(
    "SELECT * FROM exports WHERE id = :id AND attempts = :attempts AND status = 'running' FOR UPDATE"
)


def work_on(id: UUID, stop: threading.Event) -> None:
    """Takes an export on and writes it; what is left when time is up, or at a stop, is nudged again."""
    with transaction() as tx:
        attempts = tx.execute(_CLAIM, {"id": id, "lease": _LEASE}).scalar_one_or_none()
    if attempts is None:
        return
    ends = time.monotonic() + _LONGEST
    while True:
        with transaction() as tx:
            row = tx.execute(_HOLD, {"id": id, "attempts": attempts}).mappings().one_or_none()
            if row is None:
                log.info("export.left", id=str(id))
                return
            if _step(tx, row):
                log.info("export.completed", id=str(id))
                return
        if stop.is_set() or time.monotonic() > ends:
            _give_back(id, attempts)
            return


def _step(tx: Connection, row: Any) -> bool:
    """Writes some more; whether that was the last of it."""
    which, form = LogFilter.of(row["filter"]), row["form"]
    ids, after = search.walk(tx, row["account_id"], which, row["cursor"], _STEP)
    rows = reports.rows_of(tx, ids)
    begins = reports.head(form) if row["chunks"] == 0 else ""
    data = (begins + reports.written(form, rows)).encode()
    if data:
        tx.execute(insert(export_chunks).values(export_id=row["id"], number=row["chunks"], data=data))
    moment = now()
    ended = {
        "status": "completed",
        "finished_at": moment,
        "expires_at": moment + timedelta(seconds=settings().export_keep_seconds),
    }
    tx.execute(
        update(exports)
        .where(exports.c.id == row["id"])
        .values(
            rows=exports.c.rows + len(rows),
            size=exports.c.size + len(data),
            chunks=exports.c.chunks + int(bool(data)),
            **({"cursor": after, "due_at": moment + timedelta(seconds=_LEASE)} if after else ended),
        )
    )
    return after is None


def _give_back(id: UUID, attempts: int) -> None:
    with transaction() as tx:
        given = update(exports).where(
            exports.c.id == id, exports.c.attempts == attempts, exports.c.status == "running"
        )
        if tx.execute(given.values(due_at=now())).rowcount:
            emit(tx, WriteExport(str(id)))
