"""The sorted index of the schedule in Redis: the moments at which Postgres is worth asking.

It spares Postgres the scheduler's polling and is never trusted with more: a moment that is missing makes mail
a second late at most (`MAILMATIC_SCHEDULE_LOOK_SECONDS`), one too many costs an empty query. So it holds
moments, not emails: a hundred thousand emails of one second are one member, and cancelling touches nothing.
A marker in it tells an index that was lost (a flush, a restart) from an empty one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from redis.exceptions import RedisError
from sqlalchemy import Connection, text

from shared.observability import get_logger
from shared.redis import client

log = get_logger("schedule")

KEY = "mailmatic:schedule"
#: Member of an index that was built from Postgres; it sorts behind every moment.
_MARKER = "built"
#: How far ahead a build looks: bounds the index whatever is scheduled for next year.
_AHEAD = timedelta(hours=1)
#: How often (seconds) it is built anew, well within the hour that one build covers.
REBUILD_SECONDS = 600.0

# at most one row for each second of the hour
_MOMENTS = text(
    """
    SELECT DISTINCT CAST(ceil(extract(epoch FROM due_at)) AS bigint) AS second FROM emails
    WHERE status = 'scheduled' AND due_at <= :until
    """
)


@dataclass(frozen=True)
class Taken:
    """What the index says: whether something is due, and whether it is complete."""

    due: bool
    complete: bool


def note(moments: Iterable[datetime]) -> None:
    """Adds moments at which mail is due. Call it after the commit; without Redis it does nothing."""
    seconds = {_second(moment) for moment in moments}
    if not seconds:
        return
    try:
        _add(seconds)
    except RedisError as error:
        log.warning("schedule.not_indexed", reason=str(error))


def take(moment: datetime) -> Taken:
    """Takes out what is due at `moment`.

    Taken out first, asked in Postgres after: what is noted in between stays for the next time.

    Raises:
        RedisError: Redis is away.
    """
    pipeline = client().pipeline(transaction=True)
    pipeline.zremrangebyscore(KEY, "-inf", moment.timestamp())
    pipeline.zscore(KEY, _MARKER)
    removed, marker = pipeline.execute()
    return Taken(due=removed > 0, complete=marker is not None)


def seconds_ahead(tx: Connection, moment: datetime) -> set[int]:
    """What Postgres has scheduled for the next hour: what an index is built from."""
    return {row.second for row in tx.execute(_MOMENTS, {"until": moment + _AHEAD})}


def build(seconds: set[int]) -> None:
    """Makes the index complete with `seconds_ahead`; what was noted meanwhile stays.

    Raises:
        RedisError: Redis is away.
    """
    _add(seconds, complete=True)


def _add(seconds: set[int], *, complete: bool = False) -> None:
    scores: dict[str, float] = {str(second): second for second in seconds}
    if complete:
        scores[_MARKER] = math.inf
    client().zadd(KEY, scores)


def _second(moment: datetime) -> int:
    """Rounded up: at that second the mail is due, whatever its fraction."""
    return math.ceil(moment.timestamp())
