"""Segments: what is asked and shown."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from services.gateway.schemas.contacts import ContactSchema
from services.gateway.schemas.fields import Line, Moment, Prose
from services.gateway.schemas.lists import MAX_DESCRIPTION, MAX_NAME
from services.gateway.schemas.windows import PageSchema
from shared.audience import RulesError, parse_rules
from shared.errors import FieldError

_RULES = {"field": "email", "operator": "contains", "value": "@"}
_ABOUT = {
    "description": "`{field, operator, value}`, or `{all: […]}`, `{any: […]}`, `{not: […]}` of such.",
    "example": _RULES,
}


class Rules(fields.Field[dict[str, Any]]):
    """Rules as they were given, checked; a fault names its place in them."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> dict[str, Any]:
        try:
            parse_rules(value)
        except RulesError as error:
            raise ValidationError(_nested(error.errors)) from None
        return dict(value)


class NewSegmentSchema(Schema):
    """A segment to make."""

    name = Line(required=True, validate=validate.Length(1, MAX_NAME), metadata={"example": "Active Users"})
    description = Prose(allow_none=True, load_default=None, validate=validate.Length(max=MAX_DESCRIPTION))
    rules = Rules(required=True, metadata=_ABOUT)


class ChangeSegmentSchema(Schema):
    """What to change of a segment; what is not named stays."""

    name = Line(validate=validate.Length(1, MAX_NAME), metadata={"example": "Active Users"})
    description = Prose(allow_none=True, validate=validate.Length(max=MAX_DESCRIPTION))
    rules = Rules(metadata=_ABOUT)


class RulesSchema(Schema):
    """Rules to try."""

    rules = Rules(required=True, metadata=_ABOUT)


class SegmentSchema(Schema):
    """A segment."""

    id = fields.UUID(required=True)
    name = fields.String(required=True, metadata={"example": "Active Users"})
    description = fields.String(required=True, allow_none=True)
    rules = fields.Dict(required=True, metadata={"example": _RULES})
    created_at = Moment(required=True)
    updated_at = Moment(required=True)


class SegmentPageSchema(PageSchema):
    """A page of segments, newest first."""

    data = fields.List(fields.Nested(SegmentSchema), required=True)


class SizeSchema(Schema):
    """How many meet a segment's rules at this moment."""

    contacts = fields.Integer(required=True, metadata={"example": 1204})
    reachable = fields.Integer(
        required=True,
        metadata={
            "description": "How many of them a campaign reaches: not suppressed, nor off all their lists.",
            "example": 1167,
        },
    )


class SegmentPreviewSchema(SizeSchema):
    """Whom rules mean, before they are kept."""

    data = fields.List(
        fields.Nested(ContactSchema), required=True, metadata={"description": "The newest of them."}
    )


def _nested(errors: list[FieldError]) -> dict[str, Any]:
    """Faults as marshmallow nests them: our pointers become its paths, and pointers again in the answer."""
    found: dict[str, Any] = {}
    for error in errors:
        at = found
        for step in error.pointer.split("/")[1:]:
            at = at.setdefault(step, {})
        at.setdefault("_schema", []).append(error.detail)
    return found
