"""The JSON error body."""

from __future__ import annotations

from marshmallow import Schema, fields


class FaultSchema(Schema):
    """One field at fault."""

    pointer = fields.String(
        required=True, metadata={"description": "JSON pointer (RFC 6901).", "example": "/to/0"}
    )
    detail = fields.String(required=True, metadata={"example": "An email address must have an @-sign."})


class ErrorSchema(Schema):
    """The body of every refusal."""

    error = fields.String(required=True, metadata={"description": "A sentence for a person."})
    code = fields.String(required=True, metadata={"description": "Stable, for machines."})
    errors = fields.List(
        fields.Nested(FaultSchema), required=True, metadata={"description": "Where fields are at fault."}
    )
    request_id = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "Also in the `X-Request-Id` header and in our logs."},
    )
