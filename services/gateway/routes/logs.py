"""The log of what was sent."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from services.gateway import log_tail, views
from services.gateway.auth import principal
from services.gateway.errors import problem
from services.gateway.log_tail import TailFilter
from services.gateway.routes.blueprint import Blueprint, Media
from services.gateway.routes.live import live_log
from services.gateway.schemas.logs import LogQuerySchema, LogsSchema, LogStreamQuerySchema, filter_of
from shared.db import transaction
from shared.errors import FieldError
from shared.event_feed import Position
from shared.mail_log.search import Part, find

blueprint = Blueprint(
    "logs", __name__, url_prefix="/api", scope="read", guide="logs", description="Search what was sent."
)


@blueprint.operation("/logs", "GET", query=LogQuerySchema, answers=(200, LogsSchema))
def list_logs(query: dict[str, Any]) -> dict[str, Any]:
    """List email logs

    Newest first, in numbered pages, or after an email: who reads further than a few pages goes on `after` the
    `next` of the last one, which costs the same at any depth.
    """
    page, limit, after = query["page"], query["limit"], query.get("after")
    part = Part(limit, after, offset=0 if after else (page - 1) * limit)
    with transaction() as tx:
        found = find(tx, principal().account_id, filter_of(query), part)
        rows = views.log_rows(tx, found.ids)
    return {
        "logs": rows,
        "pagination": {
            "page": page,
            "limit": limit,
            "total": found.total,
            "pages": -(-found.total // limit),
            "exact": found.exact,
            "next": found.next,
            "looked_since": found.looked_since,
        },
    }


@blueprint.operation(
    "/logs/stream",
    "GET",
    query=LogStreamQuerySchema,
    answers=(
        200,
        Media("text/event-stream", 'id: 2f1a-0197…\nevent: log\ndata: {"type": "email.sent", …}\n\n'),
    ),
    refuses=("too_many_streams",),
)
def stream_logs(query: dict[str, Any]) -> Response:
    """Follow the log live (SSE)

    An event `log` for all that happens to emails, as `GET /api/events` has it. A client that connects anew
    with `Last-Event-ID` goes on where it was, and misses nothing.
    """
    after = query.pop("after", None)
    last_id = request.headers.get("Last-Event-ID")
    if last_id:
        try:
            after = Position.parse(last_id)
        except ValueError:
            fault = FieldError("/Last-Event-ID", "Not the id of an event of this stream.")
            raise problem("validation_error", errors=[fault]) from None
    return live_log(log_tail.begin(principal().account_id, TailFilter(**query), after))
