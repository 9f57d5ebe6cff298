"""The audit log as its account reads it."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from services.gateway.schemas.fields import Line, Moment
from services.gateway.schemas.windows import PageSchema, WindowQuerySchema
from shared.models.users import ACTORS


class AuditEntrySchema(Schema):
    """Something that was changed, and by whom."""

    id = fields.UUID(required=True)
    action = fields.String(required=True, metadata={"example": "credential.created"})
    actor = fields.String(required=True, validate=validate.OneOf(ACTORS))
    actor_id = fields.UUID(
        required=True, allow_none=True, metadata={"description": "The user or the credential."}
    )
    object_type = fields.String(required=True, metadata={"example": "credential"})
    object_id = fields.UUID(required=True, allow_none=True)
    data = fields.Dict(
        required=True, keys=fields.String(), allow_none=True, metadata={"description": "What changed."}
    )
    ip = fields.String(required=True, allow_none=True, metadata={"example": "192.0.2.7"})
    request_id = fields.String(required=True, allow_none=True)
    created_at = Moment(required=True)


class AuditListSchema(PageSchema):
    """A page of the audit log, newest first."""

    data = fields.List(fields.Nested(AuditEntrySchema), required=True)


class AuditQuerySchema(WindowQuerySchema):
    """Which entries to list."""

    action = Line(metadata={"description": "Only this action.", "example": "credential.rotated"})
    object_id = fields.UUID(metadata={"description": "Only what happened to this object."})
