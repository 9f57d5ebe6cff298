"""Sending."""

from __future__ import annotations

from typing import Any

from services.gateway.accept import Accepted, Intent, accept
from services.gateway.admission import recipient_refusals, refusals
from services.gateway.auth import principal
from services.gateway.routes.blueprint import Blueprint
from services.gateway.schemas.send import SendSchema, SentSchema
from shared import schedule_index, states
from shared.db import transaction

blueprint = Blueprint("send", __name__, url_prefix="/api", scope="send", description="Send email.")


@blueprint.operation(
    "/send",
    "POST",
    body=SendSchema,
    answers=(202, SentSchema),
    refuses=("domain_not_allowed", "domain_not_verified", "recipient_suppressed"),
    body_example={
        "from": "hello@example.com",
        "to": "ada@example.net",
        "subject": "Hello from Mailmatic",
        "html": "<h1>Welcome!</h1><p>This is a test email.</p>",
    },
)
def send_email(intent: Intent) -> dict[str, Any]:
    """Send an email

    Answers as soon as the email is stored: from then on it will be sent, whatever happens to this service.
    With `send_at` it is sent then. `/api/emails/{id}` shows its way, and can move or cancel it while it is
    scheduled.
    """
    (refusal,) = refusals(principal(), [intent])
    if refusal:
        raise refusal
    with transaction() as tx:
        (refusal,) = recipient_refusals(tx, principal(), [intent])
        if refusal:
            raise refusal
        (accepted,) = accept(tx, principal(), [intent])
    schedule_index.note([accepted.send_at] if accepted.send_at else [])
    return _sent(accepted)


def _sent(accepted: Accepted) -> dict[str, Any]:
    known = {"id": accepted.id, "message_id": accepted.message_id}
    if accepted.send_at:
        return {**known, "status": states.SCHEDULED, "send_at": accepted.send_at}
    return {
        **known,
        "status": "sent",
        "message": "Email queued for delivery",
    }
