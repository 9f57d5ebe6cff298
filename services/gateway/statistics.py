"""Statistics as the roll-up keeps them (shared.models.statistics), summed by hour or day of any time zone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, text

from services.gateway.one_insert import Row
from shared.models.statistics import COUNTS

HOUR, DAY = "hour", "day"
_UTC = ZoneInfo("UTC")
#: Most groups of one answer.
MOST_GROUPS = 100

_SUMS = ", ".join(f"COALESCE(sum({name}), 0)::bigint AS {name}" for name in COUNTS)
# By which of the given moments comes last before: PostgreSQL need not know the zone.
_SERIES = text(
    f"""
    SELECT width_bucket(starts, CAST(:moments AS timestamptz[])) AS number, {_SUMS}
    FROM statistics WHERE account_id = CAST(:account AS uuid) AND dimension = :dimension AND value = :value
      AND starts >= :since AND starts < :until
    GROUP BY 1
    """  # noqa: S608 - constants of our own
)

# Whole days of UTC, and the quarters of an hour before the first and after the last of them.
_GROUPS = text(
    f"""
    WITH days AS (
        SELECT * FROM statistics_days WHERE account_id = CAST(:account AS uuid) AND dimension = :dimension
          AND starts >= date_trunc('day', CAST(:since AS timestamptz), 'UTC') AND starts < :until
    ), parts AS (
        SELECT * FROM days WHERE starts >= :first AND starts < :last
        UNION ALL
        SELECT quarters.* FROM (SELECT DISTINCT value FROM days) AS seen
        CROSS JOIN (VALUES (CAST(:since AS timestamptz), least(:first, :until)), (:last, :until))
            AS edge (since, until)
        CROSS JOIN LATERAL (
            SELECT * FROM statistics WHERE account_id = CAST(:account AS uuid) AND dimension = :dimension
              AND value = seen.value AND starts >= edge.since AND starts < edge.until
            OFFSET 0 -- value by value, each by the index
        ) AS quarters
    )
    SELECT value, {_SUMS} FROM parts GROUP BY value ORDER BY sum(sent) DESC, value LIMIT :limit
    """  # noqa: S608 - constants of our own
)


@dataclass(frozen=True)
class Span:
    """Whole hours or days of a time zone, from `since` until before `until` (both aware, UTC)."""

    since: datetime
    until: datetime
    unit: str
    zone: ZoneInfo

    @classmethod
    def around(cls, since: datetime, until: datetime, unit: str, zone: ZoneInfo) -> Span:
        """Those that hold `since` and what is before `until`."""
        first = _floor(since, unit, zone)
        last = _floor(until - timedelta(microseconds=1), unit, zone)
        return cls(first, _next(last, unit, zone), unit, zone)

    def starts(self) -> Iterator[datetime]:
        """Where each hour or day begins (UTC)."""
        moment = self.since
        while moment < self.until:
            yield moment
            moment = _next(moment, self.unit, self.zone)

    def whole_days(self) -> tuple[datetime, datetime]:
        """Where the whole days of UTC in it begin and end; without any, both are where the first would."""
        first = _floor(self.since + timedelta(days=1, microseconds=-1), DAY, _UTC)
        return first, max(first, _floor(self.until, DAY, _UTC))


def read(
    tx: Connection, account_id: UUID, span: Span, only: tuple[str, str], by: str | None
) -> dict[str, Any]:
    """Totals, rates, one entry an hour or day (those without anything too), and groups.

    Args:
        only: dimension and value that it is about; `("all", "")`: everything.
        by: the dimension of the groups, none: there are none.
    """
    values = {
        "account": str(account_id),
        "since": span.since,
        "until": span.until,
        "dimension": only[0],
        "value": only[1],
    }
    moments = list(span.starts())
    series = tx.execute(_SERIES, {**values, "moments": moments}).mappings()
    found = {row["number"]: _counts(row) for row in series}
    totals = {name: sum(counts[name] for counts in found.values()) for name in COUNTS}
    nothing = dict.fromkeys(COUNTS, 0)
    grouped = _grouped(tx, values, span, by) if by else ()
    return {
        "totals": totals,
        "rates": rates(totals),
        "series": [
            {"starts": moment.astimezone(span.zone).isoformat(), "counts": found.get(number, nothing)}
            for number, moment in enumerate(moments, 1)
        ],
        "groups": [
            {"value": row["value"], "totals": (counts := _counts(row)), "rates": rates(counts)}
            for row in grouped
        ],
    }


def _grouped(tx: Connection, values: Mapping[str, Any], span: Span, by: str) -> Iterable[Mapping[Any, Any]]:
    first, last = span.whole_days()
    asked = {**values, "dimension": by, "first": first, "last": last, "limit": MOST_GROUPS}
    return tx.execute(_GROUPS, asked).mappings()


def rates(counts: Mapping[str, Any]) -> dict[str, float]:
    """Shares of what was sent, 0 to 1; of bounces, of what was tried. Opens and clicks are people's."""
    sent = counts["sent"]
    tried = sent + counts["refused"] + counts["failed"]
    of_sent = ("delivered", "complained", "opened", "clicked", "unsubscribed")
    shares = {name: counts[name] / sent if sent else 0.0 for name in of_sent}
    return {**shares, "bounced": counts["bounced"] / tried if tried else 0.0}


def _counts(row: Mapping[Any, Any]) -> Row:
    return {name: row[name] for name in COUNTS}


def _floor(moment: datetime, unit: str, zone: ZoneInfo) -> datetime:
    local = moment.astimezone(zone)
    if unit == DAY:
        return datetime.combine(local.date(), time(), zone).astimezone(UTC)
    past = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
    return moment.astimezone(UTC) - past


def _next(moment: datetime, unit: str, zone: ZoneInfo) -> datetime:
    if unit == HOUR:
        return moment + timedelta(hours=1)
    day = moment.astimezone(zone).date() + timedelta(days=1)
    return datetime.combine(day, time(), zone).astimezone(UTC)
