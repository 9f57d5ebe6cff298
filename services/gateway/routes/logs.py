"""The log of what was sent."""

from __future__ import annotations

from typing import Any

from services.gateway import log_search, views
from services.gateway.auth import principal
from services.gateway.log_search import Part
from services.gateway.routes.blueprint import Blueprint
from services.gateway.schemas.logs import LogQuerySchema, LogsSchema, filter_of
from shared.db import transaction

blueprint = Blueprint(
    "logs", __name__, url_prefix="/api", scope="read", guide="logs", description="Search what was sent."
)


@blueprint.operation("/logs", "GET", query=LogQuerySchema, answers=(200, LogsSchema))
def list_logs(query: dict[str, Any]) -> dict[str, Any]:
    """List email logs

    Newest first, in numbered pages, or after an email: who reads further than a few pages goes on `after` the
    `next` of the last one, which costs the same at any depth.
    """
    page, limit, account_id = query["page"], query["limit"], principal().account_id
    which, after = filter_of(query), query.get("after")
    with transaction() as tx:
        found = log_search.count(tx, account_id, which)
        offset = 0 if after else (page - 1) * limit
        ids = log_search.ids_of(tx, account_id, which, Part(limit + 1, after, offset))
        rows = views.log_rows(tx, ids)
        since = log_search.subjects_since(tx, account_id, which)
    more = len(rows) > limit
    return {
        "logs": rows[:limit],
        "pagination": {
            "page": page,
            "limit": limit,
            "total": found.total,
            "pages": -(-found.total // limit),
            "exact": found.exact,
            "next": rows[limit - 1]["id"] if more else None,
            "subjects_since": since,
        },
    }
