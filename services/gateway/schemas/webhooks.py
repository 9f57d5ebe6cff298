"""Webhook endpoints, their deliveries and the feed of events: what is asked and shown."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from services.gateway.schemas.fields import After, Line, Moment
from services.gateway.schemas.windows import PageSchema, WindowQuerySchema
from shared.clock import parse_moment
from shared.events import EVENT_TYPES
from shared.models.webhooks import DELIVERY_STATUSES
from shared.settings import settings

_MAX_URL = 2_048
_FAMILIES = tuple(dict.fromkeys(f"{name.partition('.')[0]}.*" for name in EVENT_TYPES))
_EXAMPLE_URL = "https://example.com/hooks/mailmatic"


class EndpointUrl(fields.String):
    """Where webhooks go: https, without login and fragment. http only where an operator lists networks."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        if len(text) > _MAX_URL or not text.isascii() or not text.isprintable() or " " in text:
            raise ValidationError(f"Not a URL: at most {_MAX_URL} visible ASCII characters.")
        try:
            parts = urlsplit(text)
            host, _ = parts.hostname, parts.port
        except ValueError:
            raise ValidationError("Not a URL.") from None
        if not host or parts.scheme not in ("https", "http"):
            raise ValidationError(f"Not a URL like {_EXAMPLE_URL}.")
        if parts.scheme == "http" and not settings().webhook_networks:
            raise ValidationError("Must begin with https://.")
        if parts.username is not None or parts.password is not None or parts.fragment:
            raise ValidationError("Can't hold a login or a fragment.")
        return text


def _events(**options: Any) -> Any:
    return fields.List(
        fields.String(validate=validate.OneOf([*EVENT_TYPES, *_FAMILIES])),
        allow_none=True,
        validate=validate.Length(1, len(EVENT_TYPES)),
        metadata={
            "description": "Types, or families like `email.*`; null: everything.",
            "example": ["email.delivered", "email.bounced"],
        },
        **options,
    )


class NewEndpointSchema(Schema):
    """An endpoint to tell."""

    url = EndpointUrl(required=True, metadata={"description": "Where to; `https`.", "example": _EXAMPLE_URL})
    description = Line(
        load_default=None, allow_none=True, validate=validate.Length(0, 255), metadata={"example": "CRM"}
    )
    events = _events(load_default=None)


class ChangeEndpointSchema(Schema):
    """What to change; what is not named stays."""

    url = EndpointUrl(metadata={"example": _EXAMPLE_URL})
    description = Line(allow_none=True, validate=validate.Length(0, 255), metadata={"example": "CRM"})
    events = _events()
    active = fields.Boolean(
        metadata={"description": "Switches it on or off. Switched on, it hears what happens from then on."}
    )


class EndpointSchema(Schema):
    """An endpoint and how it is doing."""

    id = fields.UUID(required=True)
    url = fields.String(required=True, metadata={"example": _EXAMPLE_URL})
    description = fields.String(required=True, allow_none=True, metadata={"example": "CRM"})
    events = fields.List(
        fields.String(), required=True, allow_none=True, metadata={"example": ["email.delivered"]}
    )
    active = fields.Boolean(required=True)
    disabled_reason = fields.String(
        required=True,
        allow_none=True,
        validate=validate.OneOf(["gone", "failing"]),
        metadata={"description": "Why we switched it off: it said 410, or took nothing for days."},
    )
    failures = fields.Integer(
        required=True, metadata={"description": "Failures in a row until now.", "example": 0}
    )
    failing_since = Moment(required=True, allow_none=True)
    paused_until = Moment(
        required=True, allow_none=True, metadata={"description": "It gets nothing until then."}
    )
    last_success_at = Moment(required=True, allow_none=True)
    created_at = Moment(required=True)
    updated_at = Moment(required=True)


class NewSecretSchema(EndpointSchema):
    """An endpoint with its signing secret, which is shown this once."""

    secret = fields.String(required=True, metadata={"example": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"})


class EndpointListSchema(PageSchema):
    """A page of endpoints, newest first."""

    data = fields.List(fields.Nested(EndpointSchema), required=True)


class RotateSecretSchema(Schema):
    """How long the secret until now goes on."""

    overlap_seconds = fields.Integer(
        load_default=86_400,
        validate=validate.Range(0, 30 * 86_400),
        metadata={"description": "Both secrets sign for so long.", "example": 86_400},
    )


class TestEventSchema(Schema):
    """What to send as a test."""

    type = fields.String(
        load_default="webhook.test",
        validate=validate.OneOf(["webhook.test", *EVENT_TYPES]),
        metadata={"description": "As which type.", "example": "webhook.test"},
    )


class DeliverySchema(Schema):
    """One event on its way to one endpoint."""

    id = fields.UUID(required=True)
    webhook_id = fields.String(
        required=True,
        metadata={
            "description": "Its `webhook-id`: the same for every attempt and replay of an event.",
            "example": "0197a3c0-5c1e-7c3a-9f0e-2f3a4b5c6d7e",
        },
    )
    type = fields.String(required=True, metadata={"example": "email.delivered"})
    status = fields.String(required=True, validate=validate.OneOf(DELIVERY_STATUSES))
    attempts = fields.Integer(required=True, metadata={"example": 1})
    due_at = Moment(required=True, metadata={"description": "When it is tried next, while it is pending."})
    delivered_at = Moment(required=True, allow_none=True)
    replay = fields.Boolean(required=True, metadata={"example": False})
    created_at = Moment(required=True)


class DeliveryListSchema(PageSchema):
    """A page of deliveries, newest first."""

    data = fields.List(fields.Nested(DeliverySchema), required=True)


class DeliveryQuerySchema(WindowQuerySchema):
    """Which deliveries to list."""

    status = fields.String(validate=validate.OneOf(DELIVERY_STATUSES))


class TrySchema(Schema):
    """One attempt."""

    number = fields.Integer(required=True, metadata={"example": 1})
    at = Moment(required=True)
    duration_ms = fields.Integer(required=True, metadata={"example": 42})
    url = fields.String(required=True, metadata={"example": _EXAMPLE_URL})
    status = fields.Integer(
        required=True, allow_none=True, metadata={"description": "Of the answer.", "example": 200}
    )
    response = fields.String(
        required=True, allow_none=True, metadata={"description": "The answer's first kilobyte."}
    )
    error = fields.String(
        required=True, allow_none=True, metadata={"description": "Why there was no answer."}
    )


class DeliveryWithTriesSchema(DeliverySchema):
    """A delivery with its body and every attempt."""

    body = fields.String(
        required=True,
        metadata={
            "description": "The request's body, octet for octet.",
            "example": '{"type":"email.delivered","timestamp":"2026-06-01T09:00:00Z","data":{}}',
        },
    )
    tries = fields.List(fields.Nested(TrySchema), required=True)


class PastMoment(fields.Field[datetime]):
    """A time."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> datetime:
        if not isinstance(value, str):
            raise ValidationError("Not a string.")
        try:
            return parse_moment(value)
        except ValueError as error:
            raise ValidationError(str(error)) from None


class ReplaySchema(Schema):
    """Which range of time to tell once more."""

    since = PastMoment(required=True, metadata={"example": "2026-06-01T09:00:00Z"})
    until = PastMoment(required=True, metadata={"example": "2026-06-01T10:00:00Z"})

    @validates_schema
    def _in_order(self, data: dict[str, Any], **_: Any) -> None:
        if data["since"] >= data["until"]:
            raise ValidationError("Must be later than since.", "until")
        if data["since"].year < 1971:
            raise ValidationError("There was nothing then.", "since")


class ReplayingSchema(Schema):
    """A range of time that is being told once more."""

    id = fields.UUID(required=True)
    since = Moment(required=True)
    until = Moment(required=True)


class EventFeedQuerySchema(Schema):
    """Where to go on."""

    after = After(metadata={"description": "`next` of the page before; none: from the oldest event kept."})
    limit = fields.Integer(load_default=100, validate=validate.Range(1, 500))


class FeedEventSchema(Schema):
    """An event, as webhooks have it."""

    id = fields.String(required=True, metadata={"example": "0197a3c0-5c1e-7c3a-9f0e-2f3a4b5c6d7e"})
    type = fields.String(required=True, metadata={"example": "email.delivered"})
    timestamp = fields.String(required=True, metadata={"example": "2026-06-01T09:00:00Z"})
    data = fields.Dict(required=True, keys=fields.String(), metadata={"description": "By type."})


class EventFeedSchema(Schema):
    """A page of the feed, oldest first."""

    object = fields.String(required=True, validate=validate.OneOf(["list"]))
    has_more = fields.Boolean(required=True, metadata={"example": False})
    next = fields.String(
        required=True,
        metadata={
            "description": "`after` of the next page; keep it, and ask again whenever you like.",
            "example": "2f1a-0197a3c05c1e7c3a9f0e2f3a4b5c6d7e",
        },
    )
    data = fields.List(fields.Nested(FeedEventSchema), required=True)
