"""When to try a delivery again, and how long to leave an endpoint alone. Pure."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

#: Standard Webhooks' own example: seconds after failed attempt 1, 2, …; over three days in all.
SCHEDULE = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
#: Longest that a `Retry-After` is honoured (seconds).
_LONGEST = 86_400.0
#: Failures in a row after which an endpoint is left alone for a while; how long at first, and at most.
_PATIENCE, _PAUSE, _LONGEST_PAUSE = 3, 5.0, 300.0


def next_attempt(attempt: int, retry_after: float | None) -> float | None:
    """Seconds to wait after failed attempt number `attempt` (from 1); None: it was the last."""
    if attempt > len(SCHEDULE):
        return None
    delay = SCHEDULE[attempt - 1] * random.uniform(0.9, 1.1)  # noqa: S311 - spreading load
    return max(delay, min(retry_after or 0.0, _LONGEST))


def pause(failures: int, retry_after: float | None) -> float:
    """Seconds for which an endpoint with so many failures in a row gets nothing at all."""
    asked = min(retry_after or 0.0, _LONGEST_PAUSE)
    if failures < _PATIENCE:
        return asked
    grown = min(_LONGEST_PAUSE, _PAUSE * 2.0 ** min(failures - _PATIENCE, 30))
    return max(grown * random.uniform(0.9, 1.1), asked)  # noqa: S311 - spreading load


def retry_after(header: str | None, now: datetime) -> float | None:
    """Seconds that a `Retry-After` (RFC 9110 §10.2.3) asks for; None where it makes no sense."""
    if not header:
        return None
    if header.strip().isdigit():
        return float(header) if len(header) < 10 else _LONGEST
    try:
        moment = parsedate_to_datetime(header)
    except (TypeError, ValueError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now) / timedelta(seconds=1))
