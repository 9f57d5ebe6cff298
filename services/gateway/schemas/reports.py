"""GET /api/reports: rows of recipients."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from services.gateway.schemas.fields import Moment
from services.gateway.schemas.logs import LOOKED_SINCE, LogFilterSchema
from shared.mail_log.reports import FORMS
from shared.mail_log.search import COUNTED


class ReportQuerySchema(LogFilterSchema):
    """Which emails, and in what form."""

    export = fields.String(
        validate=validate.OneOf(FORMS),
        metadata={"description": "All of it as a file: CSV, or JSON lines."},
    )
    limit = fields.Integer(
        load_default=100, validate=validate.Range(1, 1_000), metadata={"description": "Emails of a page."}
    )
    after = fields.UUID(metadata={"description": "The `next` of the page before this."})


class ReportRowSchema(Schema):
    """What became of an email at one recipient."""

    email_id = fields.String(required=True, metadata={"example": "0197a3c0-5c1e-7c3a-9f0e-2f3a4b5c6d7e"})
    message_id = fields.String(required=True, metadata={"example": "<0197a3c0@example.com>"})
    created_at = fields.String(required=True, metadata={"example": "2026-06-01T09:00:00Z"})
    sender = fields.String(
        required=True, attribute="from", data_key="from", metadata={"example": "hello@example.com"}
    )
    to = fields.String(required=True, metadata={"example": "ada@example.net"})
    kind = fields.String(required=True, metadata={"example": "to"})
    subject = fields.String(required=True, metadata={"example": "Hello"})
    status = fields.String(required=True, metadata={"example": "delivered"})
    smtp_code = fields.Integer(required=True, allow_none=True, metadata={"example": 250})
    smtp_reply = fields.String(required=True, allow_none=True, metadata={"example": "2.0.0 Ok: queued"})
    relay = fields.String(required=True, allow_none=True)
    bounce_class = fields.String(required=True, allow_none=True)
    bounce_reason = fields.String(required=True, allow_none=True)
    opens = fields.Integer(required=True, metadata={"example": 2})
    clicks = fields.Integer(required=True, metadata={"example": 1})
    opened_at = fields.String(required=True, allow_none=True)
    clicked_at = fields.String(required=True, allow_none=True)
    machine_opens = fields.Integer(required=True, metadata={"example": 1})
    machine_clicks = fields.Integer(required=True, metadata={"example": 0})
    tags = fields.List(fields.String(), required=True, allow_none=True)
    campaign_id = fields.String(required=True, allow_none=True)
    test = fields.Boolean(required=True, metadata={"example": False})
    attempts = fields.Integer(required=True, metadata={"example": 1})
    updated_at = fields.String(required=True, metadata={"example": "2026-06-01T09:00:01Z"})


class ReportSchema(Schema):
    """A page of a report."""

    object = fields.String(required=True, validate=validate.OneOf(["report"]))
    emails = fields.Integer(
        required=True, metadata={"description": f"Emails found in all, {COUNTED:,} at most.", "example": 1}
    )
    exact = fields.Boolean(
        required=True, metadata={"description": "False: there may be more.", "example": True}
    )
    looked_since = Moment(required=True, allow_none=True, metadata=LOOKED_SINCE)
    data = fields.List(fields.Nested(ReportRowSchema), required=True)
    next = fields.UUID(
        required=True, allow_none=True, metadata={"description": "What the next page is `after`; null: none."}
    )
