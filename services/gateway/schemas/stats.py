"""GET /api/stats: what is asked and what is counted."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from services.gateway.intents import MAX_TAG
from services.gateway.schemas.fields import Bound, Line, Moment
from services.gateway.schemas.usage import PeriodSchema
from services.gateway.statistics import DAY, HOUR, MOST_GROUPS
from shared.models.statistics import COUNTS, DIMENSIONS

#: Longest time asked for, by unit.
LONGEST = {HOUR: timedelta(days=31), DAY: timedelta(days=400)}

_COUNTED = {
    **dict.fromkeys(COUNTS, 0),
    "sent": 980,
    "delivered": 975,
    "bounced": 5,
    "opened": 410,
    "opens": 640,
}
_RATES = {"delivered": 0.995, "complained": 0.0, "opened": 0.418, "clicked": 0.1, "unsubscribed": 0.0}
_WHAT = (
    "Recipients, each as of when it happened. `opened` and `clicked`: recipients, when they first did; "
    "`opens` and `clicks`: how often. Those of machines are counted apart. `refused` are the bounces of "
    "recipients that no relay took."
)


class Zone(fields.Field[ZoneInfo]):
    """A time zone by its IANA name."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> ZoneInfo:
        if value not in _zones():
            raise ValidationError("Not an IANA time zone, like Asia/Kolkata.")
        return ZoneInfo(value)


class StatsQuerySchema(Schema):
    """Which statistics."""

    # `from` is a keyword of Python
    since = Bound(
        data_key="from",
        metadata={
            "description": "A day or a moment, whose hour or day is the first; by default 30 days back.",
            "example": "2026-06-01",
        },
    )
    until = Bound(
        data_key="to",
        metadata={
            "description": "Before this. By default now.",
            "example": "2026-07-01",
        },
    )
    interval = fields.String(load_default=DAY, validate=validate.OneOf([HOUR, DAY]))
    timezone = Zone(
        load_default=lambda: ZoneInfo("UTC"),
        metadata={"description": "By whose clock days begin.", "type": "string", "example": "Asia/Kolkata"},
    )
    domain = Line(validate=validate.Length(1, 253), metadata={"description": "Only mail from this domain."})
    credential_id = fields.UUID(metadata={"description": "Only mail by this credential."})
    campaign_id = fields.UUID(metadata={"description": "Only mail of this campaign."})
    tag = Line(validate=validate.Length(1, MAX_TAG), metadata={"description": "Only mail with this tag."})
    by = fields.String(
        validate=validate.OneOf(DIMENSIONS[1:]),
        metadata={"description": f"Also in groups, the {MOST_GROUPS} that sent most.", "example": "domain"},
    )

    @validates_schema
    def _one_filter(self, data: dict[str, Any], **_: Any) -> None:
        given = [name for name in FILTERS if name in data]
        if len(given) > 1:
            raise ValidationError("Statistics are kept by one of these at a time.", given[1])
        if given and "by" in data:
            raise ValidationError("Groups are of all mail: leave the filter away.", "by")


#: parameter → dimension
FILTERS = {"domain": "domain", "credential_id": "credential", "campaign_id": "campaign", "tag": "tag"}


def too_long(since: datetime, until: datetime, interval: str) -> str | None:
    """Why that is too long a time, or None."""
    most = LONGEST[interval]
    return f"At most {most.days} days by {interval}." if until - since > most else None


def _counts_field(**kwargs: Any) -> fields.Dict:
    return fields.Dict(
        keys=fields.String(),
        values=fields.Integer(),
        required=True,
        metadata={"description": _WHAT, "example": _COUNTED},
        **kwargs,
    )


def _rates_field() -> fields.Dict:
    return fields.Dict(
        keys=fields.String(),
        values=fields.Float(),
        required=True,
        metadata={
            "description": "Shares of what was sent, 0 to 1; of bounces, of what was tried.",
            "example": {**_RATES, "bounced": 0.005},
        },
    )


class StepSchema(Schema):
    """One hour or day."""

    starts = fields.String(
        required=True,
        metadata={"description": "In the time zone.", "example": "2026-06-01T00:00:00+05:30"},
    )
    counts = _counts_field()


class GroupSchema(Schema):
    """One domain, credential, campaign or tag."""

    value = fields.String(required=True, metadata={"example": "example.com"})
    totals = _counts_field()
    rates = _rates_field()


class QuotasSchema(Schema):
    """This day's and this month's use (UTC)."""

    daily = fields.Nested(PeriodSchema, required=True)
    monthly = fields.Nested(PeriodSchema, required=True)


class StatsSchema(Schema):
    """What became of the mail of a time."""

    object = fields.String(required=True, validate=validate.OneOf(["stats"]))
    since = Moment(required=True, attribute="since", data_key="from")
    until = Moment(required=True, attribute="until", data_key="to")
    interval = fields.String(required=True, validate=validate.OneOf([HOUR, DAY]))
    timezone = fields.String(required=True, metadata={"example": "Asia/Kolkata"})
    totals = _counts_field()
    rates = _rates_field()
    series = fields.List(fields.Nested(StepSchema), required=True)
    groups = fields.List(
        fields.Nested(GroupSchema), required=True, metadata={"description": "Empty without `by`."}
    )
    quotas = fields.Nested(QuotasSchema, required=True)


@cache
def _zones() -> frozenset[str]:
    return frozenset(name for name in available_timezones() if "/" in name or name == "UTC")
