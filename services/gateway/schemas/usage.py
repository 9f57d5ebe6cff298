"""GET /api/usage: what counts towards the quotas."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from services.gateway.schemas.fields import Moment


class PeriodSchema(Schema):
    """What was accepted in a day or a month (UTC), without test emails."""

    starts = fields.Date(required=True, metadata={"example": "2026-06-01"})
    resets_at = Moment(required=True, metadata={"description": "When the count begins anew."})
    emails = fields.Integer(required=True, metadata={"example": 980})
    recipients = fields.Integer(
        required=True, metadata={"description": "Each recipient of each email.", "example": 1000}
    )
    quota = fields.Integer(
        required=True,
        allow_none=True,
        metadata={"description": "Of recipients; null: none.", "example": 50000},
    )
    remaining = fields.Integer(
        required=True, allow_none=True, metadata={"description": "Of the quota.", "example": 49000}
    )


class UsageSchema(Schema):
    """This day and this month."""

    object = fields.String(required=True, validate=validate.OneOf(["usage"]))
    daily = fields.Nested(PeriodSchema, required=True)
    monthly = fields.Nested(PeriodSchema, required=True)
