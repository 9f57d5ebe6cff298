"""Statistics: what became of the mail, by hour or day."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from services.gateway import quotas, statistics
from services.gateway.auth import principal
from services.gateway.errors import problem
from services.gateway.routes.blueprint import Blueprint
from services.gateway.schemas.fields import Bound
from services.gateway.schemas.stats import FILTERS, StatsQuerySchema, StatsSchema, too_long
from shared.clock import now
from shared.db import transaction
from shared.errors import FieldError

blueprint = Blueprint(
    "stats", __name__, url_prefix="/api", scope="read", guide="statistics", description="What became of it."
)

_USUAL = timedelta(days=30)


@blueprint.operation("/stats", "GET", query=StatsQuerySchema, answers=(200, StatsSchema))
def show_stats(query: dict[str, Any]) -> dict[str, Any]:
    """Show statistics

    Totals, rates and a series by hour or day, of everything or of one domain, credential, campaign or tag.
    Counted about a second after it happened, and exact. Test emails are not in it.
    """
    zone, interval = query["timezone"], query["interval"]
    until = Bound.at(query["until"], zone) if "until" in query else now()
    since = Bound.at(query["since"], zone) if "since" in query else until - _USUAL
    fault = "Must be before `to`." if since >= until else too_long(since, until, interval)
    if fault:
        raise problem("validation_error", fault, [FieldError("/from", fault)])
    span = statistics.Span.around(since, until, interval, zone)
    only = next(((FILTERS[name], str(query[name])) for name in FILTERS if name in query), ("all", ""))
    with transaction() as tx:
        found = statistics.read(tx, principal().account_id, span, only, query.get("by"))
        daily, monthly = quotas.usage(tx, principal())
    return {
        "object": "stats",
        "since": span.since,
        "until": span.until,
        "interval": span.unit,
        "timezone": span.zone.key,
        **found,
        "quotas": {"daily": daily, "monthly": monthly},
    }
