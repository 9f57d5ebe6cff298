"""The feed: everything that happened, in one strict order, to be read at one's own pace."""

from __future__ import annotations

from typing import Any

from services.gateway.auth import principal
from services.gateway.routes.blueprint import Blueprint
from services.gateway.schemas.webhooks import EventFeedQuerySchema, EventFeedSchema
from shared import event_feed
from shared.db import transaction
from shared.event_feed import BEGINNING, Reader

blueprint = Blueprint(
    "events", __name__, url_prefix="/api", scope="webhooks", guide="webhooks", description="What happened."
)

_ME = "feed"


@blueprint.operation("/events", "GET", query=EventFeedQuerySchema, answers=(200, EventFeedSchema))
def list_events(query: dict[str, Any]) -> dict[str, Any]:
    """Read the feed of events

    Oldest first, in an order that nothing can join late: whoever goes on behind the `next` of the last page
    misses nothing, whatever happened to their webhooks.
    """
    position, limit = query.get("after", BEGINNING), query["limit"]
    with transaction() as tx:
        rows = event_feed.read_after(tx, [Reader(_ME, principal().account_id, position)], limit + 1)[_ME]
        page = rows[:limit]
        told = [item for items in event_feed.tell(tx, page) for item in items]
    return {
        "object": "list",
        "has_more": len(rows) > limit,
        "next": str(event_feed.position_of(page[-1]) if page else position),
        "data": told,
    }
