"""Sending: one email, or up to a hundred."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from flask import Response

from services.gateway import outcome
from services.gateway.accept import Accepted, draft, write
from services.gateway.admission import delivery_refusals, refusals
from services.gateway.admitted import admitted
from services.gateway.auth import principal
from services.gateway.batch import admit, intents, results, told
from services.gateway.intents import Intent
from services.gateway.principal import Principal
from services.gateway.routes.blueprint import Blueprint
from services.gateway.routes.once import amend, keep, rendered
from services.gateway.routes.waiting import better_within_preference
from services.gateway.schemas.batch import BatchResultsSchema, BatchSchema, judge_each
from services.gateway.schemas.body import read_json
from services.gateway.schemas.send import OutcomeSchema, SendSchema, SentSchema
from shared import schedule_index, states
from shared.db import transaction
from shared.errors import ApiError
from shared.web import answer as refused

blueprint = Blueprint(
    "send", __name__, url_prefix="/api", scope="send", guide="sending", description="Send email."
)

_SENT, _OUTCOME, _RESULTS = SentSchema(), OutcomeSchema(), BatchResultsSchema()
_KNOWN = {
    "id": "c9de3859-ac2e-7379-a2e5-ff5dae2e07d0",
    "message_id": "<c9de3859-ac2e-7379-a2e5-ff5dae2e07d0@example.com>",
    "status": "sent",
}
_REFUSES = (
    "domain_not_allowed",
    "domain_not_verified",
    "recipient_undeliverable",
    "recipient_suppressed",
    "daily_quota_exceeded",
    "monthly_quota_exceeded",
)


@blueprint.operation(
    "/send",
    "POST",
    body=SendSchema,
    answers=(202, SentSchema),
    idempotent=read_json,
    waits=OutcomeSchema,
    refuses=(*_REFUSES, "attachments_too_large", "relay_refused"),
    body_example={
        "from": "hello@example.com",
        "to": "ada@example.net",
        "subject": "Hello from Mailmatic",
        "html": "<h1>Welcome!</h1><p>This is a test email.</p>",
    },
    example={**_KNOWN, "message": "Email queued for delivery"},
)
def send_email(intent: Intent) -> Response:
    """Send an email

    Answers as soon as the email is stored: from then on it will be sent, whatever happens to this service.
    With `send_at` it is sent then. `/api/emails/{id}` shows its way, and can move or cancel it while it is
    scheduled.

    With `Prefer: wait=N` the answer waits for the relay's word, N seconds at most: 200 with its reply, 502
    with its refusal, 202 as ever if there was neither.
    """
    who = principal()
    (refusal,) = refusals(who, [intent])
    if refusal:
        raise refusal
    (refusal,) = delivery_refusals([intent])
    if refusal:
        raise refusal
    with transaction() as tx:
        (judged,) = admitted(tx, who, [intent])
        if isinstance(judged, ApiError):
            raise judged
        drafted = draft(who, [judged])
        response = rendered(_SENT, _sent(drafted.accepted[0]), 202)
        keep(tx, response)
        write(tx, drafted)
    _index(drafted.accepted)
    if intent.send_at:
        return response
    return better_within_preference(response, partial(_outcome, who, drafted.accepted[0], intent))


@blueprint.operation(
    "/send/batch",
    "POST",
    guide="batch",
    body=BatchSchema,
    answers=(202, BatchResultsSchema),
    idempotent=read_json,
    body_example={
        "emails": [
            {"to": "ada@example.net", "subject": "Welcome", "html": "<p>Hi Ada</p>"},
            {"to": "grace@example.net", "subject": "Welcome", "html": "<p>Hi Grace</p>"},
        ]
    },
    example={
        "results": [
            _KNOWN,
            {
                "status": "failed",
                "error": "grace@example.net is suppressed (complaint).",
                "code": "recipient_suppressed",
                "errors": [
                    {"pointer": "/emails/1/to", "detail": "grace@example.net is suppressed (complaint)."}
                ],
            },
        ]
    },
)
def send_batch(batch: dict[str, Any]) -> Response:
    """Send up to 100 emails

    Each is judged on its own: one that fails says so at its place in `results`, the others are stored
    together and sent. `from` is the credential's own address by default.
    """
    who = principal()
    items = admit(judge_each(batch["emails"], who), partial(refusals, who))
    items = admit(items, delivery_refusals)
    with transaction() as tx:
        items = admitted(tx, who, items)
        drafted = draft(who, intents(items))
        response = rendered(_RESULTS, {"results": results(items, drafted.accepted)}, 202)
        if drafted.accepted:  # else nothing is executed, and the key stays free
            keep(tx, response)
            write(tx, drafted)
    _index(drafted.accepted)
    return response


def _sent(accepted: Accepted) -> dict[str, Any]:
    answer = told(accepted)
    if answer["status"] == states.SENT:
        answer["message"] = "Email queued for delivery"
    return answer


def _outcome(who: Principal, accepted: Accepted, intent: Intent) -> Response | None:
    with transaction() as tx:
        rows = outcome.settled(tx, who.account_id, accepted.id)
        if rows is None:
            return None
        refusal = outcome.refusal(rows, intent)
        if refusal:
            response = refused(refusal)
        else:
            response = rendered(_OUTCOME, {**told(accepted), **outcome.told(rows)}, 200)
        amend(tx, response)
    response.headers["Location"] = f"/api/emails/{accepted.id}"
    return response


def _index(accepted: Sequence[Accepted]) -> None:
    schedule_index.note(item.send_at for item in accepted if item.send_at)
