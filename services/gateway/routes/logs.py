"""The log of what was sent."""

from __future__ import annotations

from typing import Any

from services.gateway import views
from services.gateway.auth import principal
from services.gateway.routes.blueprint import Blueprint
from services.gateway.schemas.logs import LogQuerySchema, LogsSchema
from shared.db import transaction

blueprint = Blueprint(
    "logs", __name__, url_prefix="/api", scope="read", guide="sending", description="Search what was sent."
)


@blueprint.operation("/logs", "GET", query=LogQuerySchema, answers=(200, LogsSchema))
def list_logs(query: dict[str, Any]) -> dict[str, Any]:
    """List email logs

    Newest first, in numbered pages.
    """
    page, limit = query["page"], query["limit"]
    which = views.LogFilter(query.get("search"), query.get("status"))
    with transaction() as tx:
        rows, total = views.log_page(tx, principal().account_id, which, page, limit)
    return {
        "logs": rows,
        "pagination": {"page": page, "limit": limit, "total": total, "pages": -(-total // limit)},
    }
