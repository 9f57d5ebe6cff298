"""What comes of campaigns: live, in numbers, and recipient by recipient."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from flask import Response

from services.gateway import campaign_recipients, campaign_stats, campaign_store
from services.gateway.auth import principal
from services.gateway.routes.blueprint import Blueprint, Media
from services.gateway.routes.downloads import download
from services.gateway.routes.live import live
from services.gateway.schemas.campaign_results import (
    CampaignRecipientListSchema,
    CampaignStatsSchema,
    RecipientFilterSchema,
    RecipientQuerySchema,
)
from services.gateway.windows import Window
from shared.db import transaction

blueprint = Blueprint(
    "campaign_results",
    __name__,
    url_prefix="/api",
    scope="campaigns",
    guide="campaigns",
    description="What comes of campaigns.",
)

_PROGRESS = """id: 5f2b8c1d9e0a4b7c
event: progress
data: {"state": "sending", "total": 1200, "queued": 300, "sent": 890, "bounced": 10, "failed": 0, …}

"""
_CSV = "email,status,sent_at\nada@example.net,delivered,2026-06-01T09:00:00Z\n"


@blueprint.operation(
    "/campaigns/<uuid:campaign_id>/stream",
    "GET",
    answers=(200, Media("text/event-stream", _PROGRESS)),
    refuses=("not_found", "too_many_streams"),
)
def stream_campaign(campaign_id: UUID) -> Response:
    """Follow a campaign live (SSE)

    At once a snapshot, then an event `progress` whenever something changed (at most four a second), and
    `done` at the end. Each event is a whole state; `Last-Event-ID` keeps one from being told again.
    """
    account_id = principal().account_id
    with transaction() as tx:
        campaign_store.find(tx, account_id, campaign_id)
    return live(f"campaign:{campaign_id}", campaign_stats.CampaignLook(account_id, campaign_id), "done")


@blueprint.operation(
    "/campaigns/<uuid:campaign_id>/stats",
    "GET",
    answers=(200, CampaignStatsSchema),
    refuses=("not_found",),
)
def campaign_statistics(campaign_id: UUID) -> dict[str, Any]:
    """Show a campaign's statistics

    Exact as of now: totals and rates, by link, by domain of recipients, over time. Opens and clicks are
    people's; what machines did is counted apart.
    """
    account_id = principal().account_id
    with transaction() as tx:
        campaign_store.find(tx, account_id, campaign_id)
        return campaign_stats.statistics(tx, account_id, campaign_id)


@blueprint.operation(
    "/campaigns/<uuid:campaign_id>/recipients",
    "GET",
    query=RecipientQuerySchema,
    answers=(200, CampaignRecipientListSchema),
    refuses=("not_found",),
)
def list_campaign_recipients(query: dict[str, Any], campaign_id: UUID) -> dict[str, Any]:
    """List who got a campaign

    With what came of each; filtered by status, and by whether they opened or clicked. The next page is the
    one `after` the last `id` of this one.
    """
    account_id = principal().account_id
    with transaction() as tx:
        campaign_store.find(tx, account_id, campaign_id)
        rows, has_more = campaign_recipients.window(tx, campaign_id, Window.of(query), query)
    return {"object": "list", "has_more": has_more, "data": rows}


@blueprint.operation(
    "/campaigns/<uuid:campaign_id>/recipients/export",
    "GET",
    query=RecipientFilterSchema,
    answers=(200, Media("text/csv", _CSV)),
    refuses=("not_found",),
)
def export_campaign_recipients(query: dict[str, Any], campaign_id: UUID) -> Response:
    """Export who got a campaign as CSV

    The same, all of it.
    """
    with transaction() as tx:
        campaign_store.find(tx, principal().account_id, campaign_id)
    return download(_csv(campaign_id, query), "recipients.csv")


def _csv(campaign_id: UUID, query: dict[str, Any]) -> Iterator[str]:
    """A page at a time, each in a transaction of its own: whoever reads slowly holds nothing up."""
    yield campaign_recipients.csv_lines([], header=True)
    page, more = Window(5_000), True
    while more:
        with transaction() as tx:
            rows, more = campaign_recipients.window(tx, campaign_id, page, query)
        yield campaign_recipients.csv_lines(rows, header=False)
        if rows:
            page = Window(5_000, after=rows[-1]["id"])
