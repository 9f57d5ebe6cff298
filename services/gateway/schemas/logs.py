"""GET /api/logs: the log in numbered pages."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from services.gateway.schemas.emails import STATUS, LogEntrySchema
from services.gateway.schemas.fields import Line

#: Numbered pages cost what they skip; who reads further uses /api/emails.
MAX_PAGE = 100_000


class LogQuerySchema(Schema):
    """Which emails the log shows."""

    page = fields.Integer(load_default=1, validate=validate.Range(1, MAX_PAGE), metadata={"example": 1})
    limit = fields.Integer(load_default=50, validate=validate.Range(1, 100), metadata={"example": 50})
    search = Line(
        validate=validate.Length(max=200),
        metadata={
            "description": "Part of a recipient, the subject or the Message-ID, in any case.",
            "example": "example.com",
        },
    )
    status = fields.String(validate=STATUS, metadata={"example": "sent"})


class PaginationSchema(Schema):
    """Where this page is."""

    page = fields.Integer(required=True, metadata={"example": 1})
    limit = fields.Integer(required=True, metadata={"example": 50})
    total = fields.Integer(required=True, metadata={"description": "Emails found in all.", "example": 1})
    pages = fields.Integer(required=True, metadata={"example": 1})


class LogsSchema(Schema):
    """A page of the log, newest first."""

    logs = fields.List(fields.Nested(LogEntrySchema), required=True)
    pagination = fields.Nested(PaginationSchema, required=True)
