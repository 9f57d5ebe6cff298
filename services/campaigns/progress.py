"""A campaign's next step, whatever it is: begun, a page more, cancelled to the end, found complete.

Each step is one transaction that holds the campaign's row: two workers never work on one campaign at once,
and one that is killed leaves nothing half done. Before it ends a step says when the campaign is next owed
attention (`work_at`); the scheduler nudges what is due, so neither a purged queue nor a dead worker strands
one.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, update

from services.campaigns import queries
from services.campaigns.expand import Content, expand
from services.campaigns.pacing import PAUSE, Bucket, room
from shared import campaign_states
from shared.audience import Audience, count
from shared.audience.stored import AudienceGone, read_audience
from shared.campaigns import begin, fail, tell
from shared.clock import now
from shared.ids import id_floor
from shared.models import campaigns
from shared.observability import get_logger
from shared.rates import Rate, Rates

log = get_logger("campaigns")

#: Emails cancelled in one transaction.
_BATCH = 5_000
#: How often a campaign is looked at that only waits for deferred mail.
_LONG_PAUSE = timedelta(seconds=1)


def step(tx: Connection, id: UUID) -> bool:
    """Takes the next step of a campaign; whether another one can be taken at once."""
    row = tx.execute(queries.LOCK_CAMPAIGN, {"id": str(id)}).one_or_none()
    if row is None:  # gone, or somebody is at it
        return False
    if row.status == campaign_states.SCHEDULED and row.send_at <= now():
        return _begin(tx, row)
    if row.status == campaign_states.SENDING:
        return _page(tx, row) if row.expanded_at is None else _complete(tx, row)
    if row.status == campaign_states.CANCELLED:
        return _cancel(tx, row)
    if row.status != campaign_states.SCHEDULED:
        _put(tx, id, work_at=None)
    return False


def _begin(tx: Connection, row: Row[Any]) -> bool:
    audience = _audience(tx, row)
    if audience is None:
        return False
    total = count(tx, row.account_id, audience)
    begun = begin(tx, dict(row._mapping), total)
    log.info("campaign.begun" if begun else "campaign.failed", campaign_id=str(row.id), total=total)
    return begun


def _page(tx: Connection, row: Row[Any]) -> bool:
    moment = now()
    rate = Rates(row.rate_limit).all[0] if row.rate_limit else None
    bucket = Bucket(row.tokens, row.tokens_at).filled(rate, moment) if rate else None
    wanted = room(row.expanded - _settled(tx, row.id), bucket.tokens if bucket else None)
    if not wanted:
        _put(tx, row.id, work_at=_next(moment, bucket, rate))
        return False
    audience = _audience(tx, row)
    if audience is None:
        return False
    content = tx.execute(queries.CONTENT, {"id": str(row.content_id)}).one()
    taken = expand(tx, row, audience, Content(content.subject, content.html, content.text), wanted)
    bucket = bucket.taken(taken) if bucket else None
    last = taken < wanted
    pace: dict[str, Any] = {"tokens": bucket.tokens, "tokens_at": bucket.at} if bucket else {}
    _put(
        tx,
        row.id,
        expanded_at=moment if last else None,
        work_at=moment + PAUSE if last else _next(moment, bucket, rate),
        **pace,
    )
    if last:
        log.info("campaign.expanded", campaign_id=str(row.id))
    return not last


def _audience(tx: Connection, row: Row[Any]) -> Audience | None:
    """Who is meant, as of the moment when sending began; None: part of it is gone, and the campaign has
    failed.
    """
    try:
        return read_audience(tx, row.account_id, row.audience, row.started_at)
    except AudienceGone as gone:
        fail(tx, row.id, f"A part of its audience was deleted: {gone}.")
        log.warning("campaign.failed", campaign_id=str(row.id), reason=str(gone))
        return None


def _next(moment: datetime, bucket: Bucket | None, rate: Rate | None) -> datetime:
    return moment + (bucket.wait(rate) if bucket and rate else PAUSE)


def _complete(tx: Connection, row: Row[Any]) -> bool:
    """Nothing of it is unfinished: it is sent. Asked of the emails themselves, whatever was counted."""
    moment = now()
    waiting = row.expanded - _settled(tx, row.id)
    # counting is cheap and nearly always right: the emails are asked once it says so, and now and then
    if waiting > 0 and moment - row.updated_at < timedelta(seconds=10):
        _put(tx, row.id, touch=False, work_at=moment + (PAUSE if waiting < _BATCH else _LONG_PAUSE))
    elif tx.execute(queries.ANY_UNFINISHED, {"id": str(row.id)}).first():
        _put(tx, row.id, work_at=moment + _LONG_PAUSE)
    else:
        _put(tx, row.id, status=campaign_states.SENT, finished_at=moment, work_at=None)
        tell(tx, row.id, "sent")
        log.info("campaign.sent", campaign_id=str(row.id), emails=row.expanded)
    return False


def _cancel(tx: Connection, row: Row[Any]) -> bool:
    """Cancels what was queued and is in nobody's hands; what is being handed over comes to its own end."""
    ids = tx.execute(queries.CANCEL, {"id": str(row.id), "batch": _BATCH}).scalars().all()
    if ids:
        head = str(id_floor(now()))[:14] + "7"
        tx.execute(queries.CANCEL_RECIPIENTS, {"ids": [str(id) for id in ids], "head": head})
        tx.execute(queries.COUNT_CANCELLED, {"id": str(row.id), "count": len(ids)})
        log.info("campaign.emails_cancelled", campaign_id=str(row.id), emails=len(ids))
    if len(ids) == _BATCH:
        return True
    unfinished = tx.execute(queries.ANY_UNFINISHED, {"id": str(row.id)}).first()
    _put(tx, row.id, work_at=now() + _LONG_PAUSE if unfinished else None)
    return False


def _settled(tx: Connection, id: UUID) -> int:
    return int(tx.execute(queries.SETTLED, {"id": str(id)}).scalar_one())


def _put(tx: Connection, id: UUID, *, touch: bool = True, **values: Any) -> None:
    if touch:
        values["updated_at"] = now()
    tx.execute(update(campaigns).where(campaigns.c.id == id).values(**values))
