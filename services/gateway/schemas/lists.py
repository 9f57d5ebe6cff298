"""Lists of contacts: what is asked and shown."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from services.gateway.schemas.fields import Line, Moment, Prose
from services.gateway.schemas.windows import PageSchema
from shared.models.contacts import OPT_INS

MAX_NAME = 255
MAX_DESCRIPTION = 2_000

_OPT_IN = "`single`: who is added is subscribed. `double`: they confirm it by mail first."


class NewListSchema(Schema):
    """A list to make."""

    name = Line(
        required=True,
        validate=validate.Length(1, MAX_NAME),
        metadata={"description": "For people.", "example": "Newsletter Subscribers"},
    )
    description = Prose(
        allow_none=True,
        load_default=None,
        validate=validate.Length(max=MAX_DESCRIPTION),
        metadata={"example": "Weekly newsletter list"},
    )
    opt_in = fields.String(
        load_default="single", validate=validate.OneOf(OPT_INS), metadata={"description": _OPT_IN}
    )


class ChangeListSchema(Schema):
    """What to change of a list; what is not named stays."""

    name = Line(validate=validate.Length(1, MAX_NAME), metadata={"example": "Newsletter"})
    description = Prose(allow_none=True, validate=validate.Length(max=MAX_DESCRIPTION))
    opt_in = fields.String(validate=validate.OneOf(OPT_INS), metadata={"description": _OPT_IN})


class ListSchema(Schema):
    """A list."""

    id = fields.UUID(required=True)
    name = fields.String(required=True, metadata={"example": "Newsletter Subscribers"})
    description = fields.String(
        required=True, allow_none=True, metadata={"example": "Weekly newsletter list"}
    )
    opt_in = fields.String(required=True, validate=validate.OneOf(OPT_INS), metadata={"description": _OPT_IN})
    created_at = Moment(required=True)
    updated_at = Moment(required=True)


class CountsSchema(Schema):
    """How many contacts have which standing."""

    unconfirmed = fields.Integer(required=True, metadata={"example": 2})
    subscribed = fields.Integer(required=True, metadata={"example": 1204})
    unsubscribed = fields.Integer(required=True, metadata={"example": 37})


class ListWithCountsSchema(ListSchema):
    """A list and how many are on it."""

    contacts = fields.Nested(CountsSchema, required=True)


class ListPageSchema(PageSchema):
    """A page of lists, newest first."""

    data = fields.List(fields.Nested(ListSchema), required=True)
