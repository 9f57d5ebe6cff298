"""The suppression list: what is asked, added and shown."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from services.gateway.schemas.fields import Line, Mailbox, Moment
from services.gateway.schemas.windows import PageSchema, WindowQuerySchema
from shared.models.suppressions import SUPPRESSION_REASONS

#: Most addresses that one request adds; a file takes more.
MAX_ADDED = 1_000

REASON = validate.OneOf(SUPPRESSION_REASONS)


class SuppressionSchema(Schema):
    """One suppressed address."""

    id = fields.UUID(required=True)
    email = fields.String(
        required=True,
        metadata={
            "description": "In the form in which addresses are compared: lower case, domain as A-label.",
            "example": "ada@example.net",
        },
    )
    reason = fields.String(required=True, validate=REASON)
    source = fields.String(
        required=True,
        metadata={"description": "What added it: api, import, sender, …", "example": "api"},
    )
    email_id = fields.UUID(
        required=True, allow_none=True, metadata={"description": "The email that caused it."}
    )
    event_id = fields.UUID(
        required=True, allow_none=True, metadata={"description": "The event that caused it."}
    )
    created_at = Moment(required=True, metadata={"description": "Since when, for this reason."})


class SuppressionListSchema(PageSchema):
    """A page of suppressions, newest first."""

    data = fields.List(fields.Nested(SuppressionSchema), required=True)


class SuppressionQuerySchema(WindowQuerySchema):
    """Which suppressions to list."""

    search = Line(
        validate=validate.Length(max=200),
        metadata={"description": "Part of the address, in any case.", "example": "example.net"},
    )
    reason = fields.String(validate=REASON)


class AddSuppressionsSchema(Schema):
    """Addresses to suppress: `email`, or `emails`."""

    email = Mailbox(metadata={"description": "One address; this or `emails`.", "example": "ada@example.net"})
    emails = fields.List(
        Mailbox(),
        validate=validate.Length(1, MAX_ADDED),
        metadata={"description": "Several addresses; this or `email`."},
    )
    reason = fields.String(load_default="manual", validate=REASON)

    @validates_schema
    def _one_of(self, data: dict[str, Any], **_: Any) -> None:
        if ("email" in data) == ("emails" in data):
            raise ValidationError("Give email or emails, one of them.", "email")


class RejectSchema(Schema):
    """A row that was left out."""

    line = fields.Integer(required=True, metadata={"description": "Line of the file, from 1.", "example": 3})
    email = fields.String(required=True, metadata={"description": "What it says.", "example": "ada@"})
    detail = fields.String(required=True, metadata={"example": "There must be something after the @-sign."})


class ImportedSchema(Schema):
    """What became of a file's rows."""

    added = fields.Integer(
        required=True,
        metadata={"description": "Addresses that are new, or have a stronger reason now.", "example": 120},
    )
    unchanged = fields.Integer(
        required=True,
        metadata={"description": "Addresses that were suppressed already, and repeats.", "example": 4},
    )
    rejected = fields.Integer(
        required=True, metadata={"description": "Rows that were left out.", "example": 1}
    )
    errors = fields.List(
        fields.Nested(RejectSchema), required=True, metadata={"description": "The first 100 of those."}
    )
