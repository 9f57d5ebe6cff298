"""GET /api/emails and /api/emails/{id}: emails, their recipients and what happened to them."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from services.gateway.schemas.fields import Moment, SendAt
from services.gateway.schemas.windows import PageSchema, WindowQuerySchema
from services.gateway.waits import CODES
from shared import states
from shared.bounces import BLOCK, HARD, REASONS, SOFT
from shared.models.emails import KINDS

STATUS = validate.OneOf(states.LADDER)


class RecipientSchema(Schema):
    """One address of an email and how far it got there."""

    address = fields.String(required=True, metadata={"example": "ada@example.net"})
    name = fields.String(required=True, allow_none=True)
    kind = fields.String(required=True, validate=validate.OneOf(KINDS))
    status = fields.String(required=True, validate=STATUS)
    smtp_code = fields.Integer(required=True, allow_none=True, metadata={"example": 250})
    smtp_reply = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "The relay's last reply to this recipient.", "example": "2.0.0 Ok: queued"},
    )
    relay = fields.String(required=True, allow_none=True, metadata={"description": "Which relay said so."})
    bounce_class = fields.String(
        required=True,
        allow_none=True,
        validate=validate.OneOf([HARD, SOFT, BLOCK]),
        metadata={"description": "Of a refusal: `hard` (no such mailbox), `soft`, or `block`."},
    )
    bounce_reason = fields.String(
        required=True,
        allow_none=True,
        validate=validate.OneOf(list(REASONS)),
        metadata={"description": "Why, in one word of a fixed list."},
    )
    opens = fields.Integer(required=True, metadata={"description": "Opens by a person.", "example": 2})
    clicks = fields.Integer(required=True, metadata={"description": "Clicks by a person.", "example": 1})
    opened_at = Moment(required=True, allow_none=True, metadata={"description": "The first open."})
    clicked_at = Moment(required=True, allow_none=True, metadata={"description": "The first click."})
    machine_opens = fields.Integer(
        required=True,
        metadata={"description": "The same by machines. [More](/docs/guides/tracking)", "example": 1},
    )
    machine_clicks = fields.Integer(required=True, metadata={"example": 0})
    machine_opened_at = Moment(required=True, allow_none=True)
    machine_clicked_at = Moment(required=True, allow_none=True)
    updated_at = Moment(required=True)


class EventSchema(Schema):
    """Something that happened to an email, or to it at one recipient."""

    type = fields.String(required=True, metadata={"example": "email.accepted"})
    recipient = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "Where it happened; null if to the whole email."},
    )
    occurred_at = Moment(required=True)
    source = fields.String(
        required=True, metadata={"description": "Which process saw it.", "example": "gateway"}
    )
    data = fields.Dict(
        required=True, keys=fields.String(), allow_none=True, metadata={"description": "Details, by type."}
    )


class EmailSummarySchema(Schema):
    """An email as lists show it."""

    id = fields.UUID(required=True)
    message_id = fields.String(
        required=True, metadata={"example": "<0197a3c0-5c1e-7c3a-9f0e-2f3a4b5c6d7e@example.com>"}
    )
    status = fields.String(required=True, validate=STATUS)
    # `from` is a keyword of Python
    sender = fields.String(
        required=True, attribute="from", data_key="from", metadata={"example": "hello@example.com"}
    )
    subject = fields.String(required=True, metadata={"example": "Hello from Mailmatic"})
    test = fields.Boolean(
        required=True,
        metadata={
            "description": "Sent with a test key or only to the simulator: it went to no relay.",
            "example": False,
        },
    )
    tags = fields.List(
        fields.String(), required=True, allow_none=True, metadata={"description": "What it is filed under."}
    )
    campaign_id = fields.UUID(required=True, allow_none=True)
    send_at = Moment(
        required=True, allow_none=True, metadata={"description": "When it was to be sent; null: at once."}
    )
    created_at = Moment(required=True)
    updated_at = Moment(required=True)
    attempts = fields.Integer(
        required=True, metadata={"description": "How often a sender took it up.", "example": 1}
    )
    last_error = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "Why it waits or failed, in the words of the last attempt."},
    )
    request_id = fields.String(
        required=True, allow_none=True, metadata={"description": "The request that brought it."}
    )


class LogEntrySchema(EmailSummarySchema):
    """An email with its recipients."""

    recipients = fields.List(fields.Nested(RecipientSchema), required=True)


class AttachedSchema(Schema):
    """A file that goes with an email, without its content."""

    filename = fields.String(required=True, metadata={"example": "invoice.pdf"})
    content_type = fields.String(required=True, metadata={"example": "application/pdf"})
    size = fields.Integer(required=True, metadata={"description": "In bytes.", "example": 48213})
    content_id = fields.String(
        required=True, allow_none=True, metadata={"description": "Of an inline image.", "example": "logo"}
    )


class WaitingSchema(Schema):
    """Why it waits."""

    code = fields.String(required=True, validate=validate.OneOf(list(CODES)), metadata={"example": "retry"})
    detail = fields.String(
        required=True,
        metadata={
            "description": "The same for people, with what was said last.",
            "example": f"{CODES['retry']} Until 2026-06-01T09:00:00Z. It was told: 451 4.7.1 Try again later",
        },
    )
    until = Moment(
        required=True,
        allow_none=True,
        metadata={"description": "Null: as soon as what it waits for is over."},
    )


class EmailSchema(LogEntrySchema):
    """An email with its attachments, its recipients and all that happened, in order."""

    waiting = fields.Nested(
        WaitingSchema, required=True, allow_none=True, metadata={"description": "Null: it does not wait."}
    )

    attachments = fields.List(fields.Nested(AttachedSchema), required=True)

    events = fields.List(fields.Nested(EventSchema), required=True)


class RescheduleSchema(Schema):
    """When to send it instead."""

    send_at = SendAt(
        required=True,
        metadata={
            "description": "ISO 8601 with any offset (none: UTC), in the future.",
        },
    )


class EmailListSchema(PageSchema):
    """A page of emails, newest first."""

    data = fields.List(fields.Nested(EmailSummarySchema), required=True)


class EmailListQuerySchema(WindowQuerySchema):
    """Which emails to list."""

    status = fields.String(validate=STATUS)
