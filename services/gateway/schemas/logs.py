"""GET /api/logs: the log in pages, and the filters that reports share with it."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from services.gateway.intents import MAX_TAG
from services.gateway.schemas.emails import STATUS, LogEntrySchema
from services.gateway.schemas.fields import After, Bound, Line, Moment
from shared.events import EVENT_TYPES
from shared.mail_log.filter import LogFilter
from shared.mail_log.search import COUNTED, LOOKED

#: Numbered pages cost what they skip; who reads further uses the cursor.
MAX_PAGE = 100_000
LOOKED_SINCE = {
    "description": "Tag, domain, campaign, subject and what is common are looked for among the latest "
    f"{LOOKED:,} emails that the other filters find: this far back; null: among all."
}
_EVENTS = [name.removeprefix("email.") for name in EVENT_TYPES if name.startswith("email.")]


class MailSchema(Schema):
    """Which mail, for all that shows the log."""

    search = Line(
        validate=validate.Length(max=200),
        metadata={
            "description": "Part of a recipient or of a subject, in any case; a Message-ID or an id.",
            "example": "example.com",
        },
    )
    domain = Line(validate=validate.Length(1, 253), metadata={"description": "The sender's."})
    tag = Line(validate=validate.Length(1, MAX_TAG))
    campaign_id = fields.UUID()
    event = fields.String(
        validate=validate.OneOf(_EVENTS),
        metadata={"description": "What happened to it, at one recipient at least."},
    )


class LogStreamQuerySchema(MailSchema):
    """What happens to which mail."""

    after = After(
        metadata={
            "description": "Behind which event to begin, as `Last-Event-ID`; without either: from now on."
        }
    )


class LogFilterSchema(MailSchema):
    """Which emails."""

    status = fields.String(validate=STATUS, metadata={"example": "sent"})
    # `from` is a keyword of Python
    since = Bound(
        data_key="from",
        metadata={"description": "Accepted then or later: a day (UTC) or a moment.", "example": "2026-06-01"},
    )
    until = Bound(data_key="to", metadata={"description": "Accepted before.", "example": "2036-07-01"})

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
        required=True, metadata={"description": "False: there may be more.", "example": True}
    )
    next = fields.UUID(
        required=True, allow_none=True, metadata={"description": "What the next page is `after`; null: none."}
    )
    looked_since = Moment(required=True, allow_none=True, metadata=LOOKED_SINCE)


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
