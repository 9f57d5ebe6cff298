"""GET /api/logs: the log in pages, and the filters that reports share with it."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from services.gateway.log_search import COUNTED, SUBJECTS, LogFilter
from services.gateway.schemas.emails import STATUS, LogEntrySchema
from services.gateway.schemas.fields import Bound, Line, Moment
from shared.events import EVENT_TYPES

#: Numbered pages cost what they skip; who reads further uses the cursor.
MAX_PAGE = 100_000
_EVENTS = [name.removeprefix("email.") for name in EVENT_TYPES if name.startswith("email.")]


class LogFilterSchema(Schema):
    """Which emails."""

    search = Line(
        validate=validate.Length(max=200),
        metadata={
            "description": "Part of a recipient, in any case; a Message-ID or an id; or part of a subject, "
            f"of the latest {SUBJECTS:,} emails of the time that is asked about.",
            "example": "example.com",
        },
    )
    status = fields.String(validate=STATUS, metadata={"example": "sent"})
    # `from` is a keyword of Python
    since = Bound(
        data_key="from",
        metadata={"description": "Accepted then or later: a day (UTC) or a moment.", "example": "2026-06-01"},
    )
    until = Bound(data_key="to", metadata={"description": "Accepted before.", "example": "2036-07-01"})
    domain = Line(validate=validate.Length(1, 253), metadata={"description": "The sender's."})
    tag = Line(validate=validate.Length(1, 64))
    campaign_id = fields.UUID()
    event = fields.String(
        validate=validate.OneOf(_EVENTS),
        metadata={"description": "What happened to it, at one recipient at least."},
    )

    @validates_schema
    def _range(self, data: dict[str, Any], **_: Any) -> None:
        if "since" in data and "until" in data and Bound.at(data["since"]) >= Bound.at(data["until"]):
            raise ValidationError("Must be before `to`.", "from")


class LogQuerySchema(LogFilterSchema):
    """Which emails the log shows, and which page of them."""

    page = fields.Integer(load_default=1, validate=validate.Range(1, MAX_PAGE), metadata={"example": 1})
    limit = fields.Integer(load_default=50, validate=validate.Range(1, 100), metadata={"example": 50})
    after = fields.UUID(
        metadata={"description": "The `next` of the page before this; `page` says nothing then."}
    )


class PaginationSchema(Schema):
    """Where this page is."""

    page = fields.Integer(required=True, metadata={"example": 1})
    limit = fields.Integer(required=True, metadata={"example": 50})
    total = fields.Integer(
        required=True, metadata={"description": f"Emails found in all, {COUNTED:,} at most.", "example": 1}
    )
    pages = fields.Integer(required=True, metadata={"description": "For that total.", "example": 1})
    exact = fields.Boolean(
        required=True, metadata={"description": "False: there are more than `total`.", "example": True}
    )
    next = fields.UUID(
        required=True, allow_none=True, metadata={"description": "What the next page is `after`; null: none."}
    )
    subjects_since = Moment(
        required=True,
        allow_none=True,
        metadata={"description": "Of a search: subjects were looked at back to then; null: all were."},
    )


class LogsSchema(Schema):
    """A page of the log, newest first."""

    logs = fields.List(fields.Nested(LogEntrySchema), required=True)
    pagination = fields.Nested(PaginationSchema, required=True)


def filter_of(query: dict[str, Any]) -> LogFilter:
    """What a query asks for."""
    return LogFilter(
        search=query.get("search") or None,
        status=query.get("status"),
        since=Bound.at(query["since"]) if "since" in query else None,
        until=Bound.at(query["until"]) if "until" in query else None,
        domain=query.get("domain"),
        tag=query.get("tag"),
        campaign_id=query.get("campaign_id"),
        event=query.get("event"),
    )
