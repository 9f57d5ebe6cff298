"""Sending."""

from __future__ import annotations

from typing import Any

from services.gateway.accept import Accepted, Intent, accept
from services.gateway.admission import recipient_refusals, refusals
from services.gateway.auth import principal
from services.gateway.routes.blueprint import Blueprint
from services.gateway.schemas.send import SendSchema, SentSchema
from shared.db import transaction

blueprint = Blueprint("send", __name__, url_prefix="/api", description="Send email.")


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
    Its way can be followed at `/api/emails/{id}`.
    """
    (refusal,) = refusals(principal(), [intent])
    if refusal:
        raise refusal
    with transaction() as tx:
        (refusal,) = recipient_refusals(tx, principal(), [intent])
        if refusal:
            raise refusal
        (accepted,) = accept(tx, principal(), [intent])
    return _sent(accepted)


def _sent(accepted: Accepted) -> dict[str, Any]:
    return {
        "id": accepted.id,
        "message_id": accepted.message_id,
        "status": "sent",
        "message": "Email queued for delivery",
    }
