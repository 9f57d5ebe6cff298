"""Tags: what is asked and shown."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from services.gateway.schemas.fields import Line, Moment
from services.gateway.schemas.windows import PageSchema

MAX_NAME = 100
_COLOR = validate.Regexp(r"^#[0-9A-Fa-f]{6}$", error="Must be of the form #RRGGBB.")
_EXAMPLE = {"description": "#RRGGBB.", "example": "#3B82F6"}


class NewTagSchema(Schema):
    """A tag to make."""

    name = Line(
        required=True,
        validate=validate.Length(1, MAX_NAME),
        metadata={"description": "Unique in the account, whatever the case.", "example": "VIP"},
    )
    color = Line(load_default="#6B7280", validate=_COLOR, metadata=_EXAMPLE)


class ChangeTagSchema(Schema):
    """What to change of a tag; what is not named stays."""

    name = Line(validate=validate.Length(1, MAX_NAME), metadata={"example": "VIP"})
    color = Line(validate=_COLOR, metadata=_EXAMPLE)


class TagSchema(Schema):
    """A tag."""

    id = fields.UUID(required=True)
    name = fields.String(required=True, metadata={"example": "VIP"})
    color = fields.String(required=True, metadata=_EXAMPLE)
    created_at = Moment(required=True)


class TagWithCountSchema(TagSchema):
    """A tag and how many have it."""

    contacts = fields.Integer(required=True, metadata={"example": 12})


class TagPageSchema(PageSchema):
    """A page of tags, newest first."""

    data = fields.List(fields.Nested(TagSchema), required=True)


class TagIdsSchema(Schema):
    """Tags to put on a contact."""

    tag_ids = fields.List(
        fields.UUID(),
        required=True,
        validate=validate.Length(1, 100),
        metadata={"example": ["0197a3c0-5c1e-7c3a-9f0e-2f3a4b5c6d7e"]},
    )
