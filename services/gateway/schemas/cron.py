"""What the cron endpoint answers."""

from __future__ import annotations

from marshmallow import Schema, fields


class ReleasedSchema(Schema):
    """The outcome of one release."""

    released = fields.Integer(
        required=True, metadata={"description": "How many emails this request queued.", "example": 3}
    )
