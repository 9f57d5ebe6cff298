"""The sweeper: what is unfinished and overdue is nudged again, out of Postgres alone; old keys go."""

from __future__ import annotations

from sqlalchemy import Connection

from services.campaigns import queries
from shared.campaigns import NUDGE_SECONDS
from shared.contracts import SEND_BY_STREAM, LoadContacts, WorkOnCampaigns, WriteExport
from shared.outbox import emit_all
from shared.settings import Settings

#: Emails nudged, or keys deleted, by one sweep: bounds the transaction, not the work; the next sweep goes on.
_BATCH = 5_000
#: Campaigns, or imports, nudged in one go.
_CAMPAIGNS = 200


def sweep(tx: Connection, config: Settings) -> int:
    """Nudges up to one batch of overdue emails; returns how many."""
    rows = tx.execute(queries.TAKE_OVERDUE, {"grace": config.sweep_grace_seconds, "batch": _BATCH}).all()
    for stream, message in SEND_BY_STREAM.items():
        overdue = [row.id for row in rows if row.stream == stream]
        emit_all(tx, [(chunk, None) for chunk in message.chunked(overdue)])
    return len(rows)


def nudge_imports(tx: Connection, config: Settings) -> int:
    """Nudges the imports that nobody works on; returns how many."""
    values = {"grace": config.sweep_grace_seconds, "batch": _CAMPAIGNS}
    ids = tx.execute(queries.TAKE_IMPORTS, values).scalars().all()
    emit_all(tx, [(LoadContacts(str(id)), None) for id in ids])
    return len(ids)


def nudge_exports(tx: Connection, config: Settings) -> int:
    """Nudges the exports that nobody works on, and deletes those whose time is over; how many were nudged."""
    tx.execute(queries.FORGET_EXPORTS)
    values = {"grace": config.sweep_grace_seconds, "batch": _CAMPAIGNS}
    ids = tx.execute(queries.TAKE_EXPORTS, values).scalars().all()
    emit_all(tx, [(WriteExport(str(id)), None) for id in ids])
    return len(ids)


def nudge_campaigns(tx: Connection) -> int:
    """Nudges the campaigns whose time has come, and whose nudge was lost; returns how many."""
    ids = tx.execute(queries.TAKE_CAMPAIGNS, {"again": NUDGE_SECONDS, "batch": _CAMPAIGNS}).scalars().all()
    # a message each: several workers share them
    emit_all(tx, [(WorkOnCampaigns((str(id),)), None) for id in ids])
    return len(ids)


def forget_keys(tx: Connection) -> bool:
    """Deletes up to one batch of idempotency keys whose time is over; whether it was a full one."""
    return tx.execute(queries.FORGET_KEYS, {"batch": _BATCH}).rowcount == _BATCH
