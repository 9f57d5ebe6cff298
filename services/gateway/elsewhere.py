"""Operations under this address that the webhooks service answers, as the OpenAPI document has them.

Written by hand, because services don't import each other; the fuzz tests hold them against what is answered.
"""

from __future__ import annotations

from typing import Any

from apispec import APISpec
from werkzeug.routing import Rule

from services.gateway.routes.blueprint import refusals

_ALWAYS = (
    "internal_error",
    "database_unavailable",
    "payload_too_large",
    "invalid_json",
    "webhook_disabled",
)

_SECURITY = {
    "mta": {
        "type": "http",
        "scheme": "bearer",
        "description": "One of MAILMATIC_POSTFIX_SECRETS: `Authorization: Bearer …` or `X-Webhook-Secret: …`",
    },
    "razorpay": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Razorpay-Signature",
        "description": "The HMAC-SHA256 of the body, in hexadecimal, by one of MAILMATIC_RAZORPAY_SECRETS",
    },
}

_WORDS = {"type": ["string", "null"]}
_SECONDS = {"type": "number", "minimum": 0}

_EVENT: dict[str, Any] = {
    "type": "object",
    "required": ["event", "recipient", "message_id"],
    "properties": {
        "event": {"type": "string", "enum": ["delivered", "bounce", "deferred", "expired", "complaint"]},
        "recipient": {"type": "string", "minLength": 3, "maxLength": 320},
        "message_id": {"type": "string", "minLength": 1, "maxLength": 998},
        "reason": {**_WORDS, "description": "What the recipient's server said."},
        "dsn": {
            **_WORDS,
            "pattern": r"^[245]\.[0-9]{1,3}\.[0-9]{1,3}$",
            "description": "The enhanced status code (RFC 3463).",
        },
        "relay": {**_WORDS, "description": "Who said it."},
        "queue_id": _WORDS,
        "occurred_at": {**_WORDS, "format": "date-time"},
        "delay": {"type": ["number", "null"], "minimum": 0, "description": "Seconds on its way."},
        "delays": {"type": ["array", "null"], "items": _SECONDS, "minItems": 4, "maxItems": 4},
    },
}

_EVENTS = {"type": "array", "items": _EVENT, "maxItems": 1_000}

_BOUNCE = {
    "event": "bounce",
    "recipient": "ada@example.net",
    "message_id": "<0197a3c0-5c1e-7c3a-9f0e-2f3a4b5c6d7e@example.com>",
    "reason": "550 5.1.1 User unknown",
    "dsn": "5.1.1",
}

_CHARGED = {
    "entity": "event",
    "event": "subscription.charged",
    "contains": ["subscription", "payment"],
    "payload": {},
    "created_at": 1780304400,
}


def declare(spec: APISpec) -> None:
    """Puts these operations, and how they are let in, into the document."""
    for name, scheme in _SECURITY.items():
        spec.components.security_scheme(name, scheme)
    for path, operation in _OPERATIONS.items():
        spec.path(rule=Rule(path), operations={"post": operation})


def _stored(status: int, example: dict[str, Any]) -> dict[str, Any]:
    """The answer once it is stored."""
    kinds = {
        name: {"type": "boolean" if isinstance(value, bool) else "integer"} for name, value in example.items()
    }
    form = {"type": "object", "required": list(kinds), "properties": kinds}
    content = {"application/json": {"schema": form, "example": example}}
    return {str(status): {"description": "Stored.", "content": content}}


def _taking(schema: dict[str, Any], example: dict[str, Any]) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": schema, "example": example}}}


_OPERATIONS: dict[str, dict[str, Any]] = {
    "/api/webhooks/postfix": {
        "operationId": "takeDeliveryEvents",
        "summary": "Take delivery events of an MTA",
        "description": "One event or up to 1,000. Taken once they are stored, also those about mail that is "
        "not ours; repeats and late ones change nothing.",
        "externalDocs": {"url": "/docs/guides/bounces"},
        "tags": ["inbound"],
        "security": [{"mta": []}],
        "requestBody": _taking({"oneOf": [_EVENT, _EVENTS]}, _BOUNCE),
        "responses": {
            **_stored(202, {"accepted": 1, "repeated": 0}),
            **refusals((*_ALWAYS, "validation_error", "unsupported_media_type", "invalid_webhook_secret")),
        },
    },
    "/api/webhooks/razorpay": {
        "operationId": "takePaymentEvent",
        "summary": "Take an event of Razorpay",
        "description": "Stored under its `X-Razorpay-Event-Id`, then answered; what follows comes after.",
        "externalDocs": {"url": "/docs/guides/billing"},
        "tags": ["inbound"],
        "security": [{"razorpay": []}],
        "requestBody": _taking({"type": "object"}, _CHARGED),
        "responses": {
            **_stored(200, {"received": True, "repeated": False}),
            **refusals((*_ALWAYS, "validation_error", "invalid_signature")),
        },
    },
}
