"""What is kept of one person."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from services.gateway.schemas.contacts import ContactWithAllSchema, PastSchema
from services.gateway.schemas.fields import Moment
from shared.models.suppressions import SUPPRESSION_REASONS


class MailToSchema(Schema):
    """An email to a person."""

    id = fields.UUID(required=True)
    status = fields.String(required=True, metadata={"example": "delivered"})
    subject = fields.String(required=True, metadata={"example": "Welcome"})
    sender = fields.String(required=True, metadata={"example": "news@example.com"})
    to = fields.String(required=True, metadata={"example": "john@example.com"})
    campaign_id = fields.UUID(required=True, allow_none=True)
    created_at = Moment(required=True)
    opened_at = Moment(required=True, allow_none=True)
    clicked_at = Moment(required=True, allow_none=True)


class PersonSchema(Schema):
    """Everything that is kept of a person."""

    contact = fields.Nested(ContactWithAllSchema, required=True)
    history = fields.List(fields.Nested(PastSchema), required=True)
    emails = fields.List(fields.Nested(MailToSchema), required=True)


class ErasedSchema(Schema):
    """A person who is forgotten."""

    id = fields.UUID(required=True)
    erased = fields.Boolean(required=True)
    suppression = fields.String(
        required=True,
        allow_none=True,
        validate=validate.OneOf(SUPPRESSION_REASONS),
        metadata={"description": "Why their address stays on the suppression list, if it does."},
    )
