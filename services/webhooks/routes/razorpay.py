"""POST /api/webhooks/razorpay: signed events of the payment provider, stored before they are answered."""

from __future__ import annotations

import hashlib

from flask import Blueprint, Response, jsonify, request

from services.webhooks import razorpay
from shared import strict_json
from shared.db import transaction
from shared.errors import ApiError
from shared.settings import settings

blueprint = Blueprint("razorpay", __name__, url_prefix="/api/webhooks")


def check_signature() -> None:
    """Lets only those in who have signed the raw body with a secret of ours.

    Raises:
        ApiError: 403 where no secret is configured, 401 for no signature or a wrong one.
    """
    secrets = settings().razorpay_secrets
    if not secrets:
        raise ApiError(403, "webhook_disabled", "The endpoint is off: MAILMATIC_RAZORPAY_SECRETS is not set.")
    given = request.headers.get("X-Razorpay-Signature", "")
    if not razorpay.is_genuine(request.get_data(), given, secrets):
        raise ApiError(401, "invalid_signature", "The signature is missing or wrong.")


@blueprint.post("/razorpay")
def take_event() -> tuple[Response, int]:
    """200 once it is stored, also the second time; what follows from it comes after."""
    raw = request.get_data()
    try:
        body = strict_json.loads(raw)
    except strict_json.JsonError as error:
        raise ApiError(400, "invalid_json", str(error)) from None
    if not isinstance(body, dict) or strict_json.unstorable(raw, body):
        raise ApiError(422, "validation_error", "The body must be a JSON object.")
    # an event without an id of its own is told by its octets
    event_id = request.headers.get("X-Razorpay-Event-Id", "")[:200] or hashlib.sha256(raw).hexdigest()
    with transaction() as tx:
        new = razorpay.store(tx, event_id, body)
    return jsonify(received=True, repeated=not new), 200
