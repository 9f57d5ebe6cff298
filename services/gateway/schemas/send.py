"""POST /api/send: one email, and the answer that it is ours now."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate

from services.gateway.intents import MAX_SUBJECT, MAX_TAG, MAX_TAGS, Intent, unique_recipients
from services.gateway.schemas.attachments import Attachments, AttachmentSchema
from services.gateway.schemas.fields import (
    Body,
    DisplayName,
    Headers,
    Line,
    Mailbox,
    Mailboxes,
    Moment,
    SendAt,
)
from services.gateway.schemas.templates import Variables, check_syntax
from shared import states
from shared.models.emails import KINDS
from shared.settings import settings

MAX_REPLY_TO = 10


class TrackingSchema(Schema):
    """What is tracked of an email; null, or left out: as its domain says, or else the install."""

    opens = fields.Boolean(
        load_default=None,
        allow_none=True,
        metadata={"description": "Whether the HTML gets a pixel.", "example": True},
    )
    clicks = fields.Boolean(
        load_default=None,
        allow_none=True,
        metadata={"description": "Whether links lead over us.", "example": False},
    )


class SendSchema(Schema):
    """One email to send. Fields it does not know are refused: a misspelt `reply_to` must not be lost."""

    sender = Mailbox(
        required=True,
        data_key="from",
        metadata={
            "description": "Sender: `user@domain` or `Name <user@domain>`, at the credential's domain.",
            "example": "hello@example.com",
        },
    )
    to = Mailboxes(
        required=True,
        metadata={"description": "Recipient, or an array of them.", "example": "ada@example.net"},
    )
    subject = Line(
        load_default=None,
        validate=validate.Length(1, MAX_SUBJECT),
        metadata={
            "description": "Subject line, on one line. Needed without a template.",
            "example": "Hello from Mailmatic",
        },
    )
    html = Body(
        load_default=None,
        metadata={
            "description": "HTML body; this, `text` or a template is needed.",
            "example": "<h1>Welcome!</h1>",
        },
    )
    text = Body(
        load_default=None,
        metadata={"description": "Plain text body; this, `html` or a template is needed."},
    )
    template_id = fields.UUID(
        load_default=None,
        metadata={"description": "Template: says what `subject`, `html` and `text` don't say themselves."},
    )
    variables = Variables(
        load_default=None,
        metadata={
            "description": "What fills `{{first_name}}`, `{{metadata.plan}}` … in subject, html, text and "
            "from_name, the template's or the email's own. Without variables and without a template all of "
            "these are taken as they are.",
            "example": {"first_name": "Ada", "metadata": {"plan": "pro"}},
        },
    )
    from_name = DisplayName(
        load_default=None,
        metadata={"description": "Display name of the sender.", "example": "Ada at Example"},
    )
    cc = Mailboxes(load_default=None, metadata={"description": "CC recipient, or an array of them."})
    bcc = Mailboxes(
        load_default=None,
        metadata={"description": "BCC recipient, or an array of them; never visible in the email."},
    )
    reply_to = Mailboxes(load_default=None, metadata={"description": "Where replies go."})
    headers = Headers(
        load_default=None,
        metadata={
            "description": "Custom headers. Those that the platform sets itself are refused.",
            "example": {"X-Order": "1234"},
        },
    )
    attachments = Attachments(
        fields.Nested(AttachmentSchema),
        load_default=None,
        metadata={
            "description": "Files that go with it, and inline images; 20 MB together by default. "
            "[More](/docs/guides/attachments)"
        },
    )
    tracking = fields.Nested(
        TrackingSchema,
        load_default=None,
        allow_none=True,
        metadata={
            "description": "Whether opens and clicks of this email are tracked. [More](/docs/guides/tracking)"
        },
    )
    tags = fields.List(
        Line(validate=validate.Length(1, MAX_TAG)),
        load_default=None,
        allow_none=True,
        validate=validate.Length(max=MAX_TAGS),
        metadata={
            "description": "What you file it under, for logs and statistics.",
            "example": ["welcome"],
        },
    )
    send_at = SendAt(
        load_default=None,
        metadata={
            "description": "When to send it: ISO 8601 with any offset (none: UTC), in the future.",
        },
    )

    @post_load(pass_original=True)
    def _intent(self, data: dict[str, Any], given: dict[str, Any], **_: Any) -> Intent:
        arrays = [kind for kind in KINDS if isinstance(given.get(kind), list)]
        recipients = unique_recipients(data["to"], data["cc"] or (), data["bcc"] or (), arrays=arrays)
        _check(data, len(recipients))
        sender = data["sender"]
        return Intent(
            sender=sender.named(data["from_name"] or sender.name),
            recipients=recipients,
            subject=data["subject"] or "",
            html=data["html"] or None,
            text=data["text"] or None,
            reply_to=tuple(data["reply_to"] or ()),
            headers=tuple(data["headers"] or ()),
            send_at=data["send_at"],
            template_id=data["template_id"],
            variables=_variables(data),
            attachments=tuple(data["attachments"] or ()),
            tags=tuple(dict.fromkeys(data["tags"] or ())),
            track_opens=(data["tracking"] or {}).get("opens"),
            track_clicks=(data["tracking"] or {}).get("clicks"),
        )


class SentSchema(Schema):
    """The email is stored and will be sent: at once (`message`), or when it is due (`send_at`)."""

    id = fields.UUID(required=True, metadata={"example": "0197a3c0-5c1e-7c3a-9f0e-2f3a4b5c6d7e"})
    message_id = fields.String(
        required=True, metadata={"example": "<0197a3c0-5c1e-7c3a-9f0e-2f3a4b5c6d7e@example.com>"}
    )
    status = fields.String(required=True, validate=validate.OneOf(["sent", "scheduled"]))
    message = fields.String(metadata={"example": "Email queued for delivery"})
    send_at = Moment(metadata={"description": "Only when scheduled: when it will be sent."})


class ReachedSchema(Schema):
    """What the relay said of one recipient."""

    address = fields.String(required=True, metadata={"example": "ada@example.net"})
    status = fields.String(required=True, validate=validate.OneOf(states.LADDER))
    smtp_code = fields.Integer(required=True, allow_none=True, metadata={"example": 250})
    smtp_reply = fields.String(required=True, allow_none=True, metadata={"example": "250 2.0.0 Ok: queued"})


class OutcomeSchema(Schema):
    """The relay has accepted the email for one recipient at least."""

    id = fields.UUID(required=True)
    message_id = fields.String(
        required=True, metadata={"example": "<0197a3c0-5c1e-7c3a-9f0e-2f3a4b5c6d7e@example.com>"}
    )
    status = fields.String(required=True, validate=validate.OneOf([states.SENT]))
    message = fields.String(required=True, metadata={"example": "The relay accepted the email"})
    smtp_reply = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "The relay's reply.", "example": "250 2.0.0 Ok: queued"},
    )
    recipients = fields.List(fields.Nested(ReachedSchema), required=True)


def _check(data: dict[str, Any], recipients: int) -> None:
    most = settings().max_recipients
    if not data["to"]:
        raise ValidationError("At least one recipient.", "to")
    if recipients > most:
        raise ValidationError(f"{recipients} recipients in to, cc and bcc together; at most {most}.", "to")
    if data["template_id"] is None:
        if data["subject"] is None:
            raise ValidationError("Missing data for required field.", "subject")
        if not (data["html"] or data["text"]):
            raise ValidationError("Give html or text, or both.", "html")
    if _variables(data) is not None:
        check_syntax(data)
    reply_to = data["reply_to"] or ()
    if len(reply_to) > MAX_REPLY_TO:
        raise ValidationError(f"At most {MAX_REPLY_TO} addresses.", "reply_to")
    # a relay without SMTPUTF8 can't carry such a header, and a reply address must work for every recipient
    if not all(address.local.isascii() for address in reply_to):
        raise ValidationError("The part before the @-sign must be ASCII here.", "reply_to")


def _variables(data: dict[str, Any]) -> dict[str, Any] | None:
    """What fills the email; `None`: it is no template."""
    values: dict[str, Any] | None = data["variables"]
    return {} if values is None and data["template_id"] else values
