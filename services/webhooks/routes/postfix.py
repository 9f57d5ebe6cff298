"""POST /api/webhooks/postfix: delivery events of MTAs, stored before they are answered."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request

from services.webhooks import inbox
from services.webhooks.json_body import read_json
from services.webhooks.schemas.postfix import load
from shared.db import transaction
from shared.errors import ApiError, FieldError

blueprint = Blueprint("postfix", __name__, url_prefix="/api/webhooks")

#: Most events of one request.
MAX_EVENTS = 1_000


@blueprint.post("/postfix")
def take_events() -> tuple[Response, int]:
    """Takes one event or an array of them; 202 once they are stored, whoever's mail they are about."""
    body = read_json(request)
    if isinstance(body, list) and len(body) > MAX_EVENTS:
        raise ApiError(
            422,
            "validation_error",
            "The request is not valid.",
            [FieldError("", f"At most {MAX_EVENTS} events.")],
        )
    reports, wrong = load(body)
    if wrong:
        raise ApiError(422, "validation_error", "The request is not valid.", wrong)
    with transaction() as tx:
        stored = inbox.store(tx, "postfix", reports)
    return jsonify(accepted=len(reports), repeated=len(reports) - stored), 202
