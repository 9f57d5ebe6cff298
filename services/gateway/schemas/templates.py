"""Templates and the variables that fill them: what is asked and shown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from services.gateway.intents import MAX_SUBJECT
from services.gateway.schemas.fields import Body, Line, Moment
from services.gateway.schemas.windows import PageSchema
from shared.templates import TemplateError, parse

#: Largest `variables` of one email, as JSON (bytes), and how deep its objects and arrays may lie.
MAX_VARIABLES = 64 * 1024
MAX_DEPTH = 8
MAX_NAME = 255

#: The fields that are templates.
PARTS = ("subject", "html", "text")

_EXAMPLE = {"first_name": "Ada", "metadata": {"plan": "pro"}}


class Variables(fields.Field[dict[str, Any]]):
    """What fills a template: an object of texts, numbers, and objects of these."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise ValidationError("Not an object.")
        if _deeper_than(value, MAX_DEPTH):
            raise ValidationError(f"Nested more than {MAX_DEPTH} deep.")
        if len(json.dumps(value, ensure_ascii=False).encode()) > MAX_VARIABLES:
            raise ValidationError(f"At most {MAX_VARIABLES} bytes of JSON.")
        return dict(value)


class _Parts(Schema):
    @validates_schema
    def _syntax(self, data: dict[str, Any], **_: Any) -> None:
        check_syntax(data)


class NewTemplateSchema(_Parts):
    """A template to keep."""

    name = Line(
        required=True,
        validate=validate.Length(1, MAX_NAME),
        metadata={"description": "By which people know it; unique in the account.", "example": "Welcome"},
    )
    subject = Line(
        required=True,
        validate=validate.Length(1, MAX_SUBJECT),
        metadata={"description": "Subject line, on one line.", "example": "Welcome, {{first_name|there}}!"},
    )
    html = Body(
        load_default=None,
        metadata={
            "description": "HTML body; this or `text` is needed. Values are escaped.",
            "example": "<h1>Hello {{first_name|there}}</h1>",
        },
    )
    text = Body(
        load_default=None,
        metadata={
            "description": "Plain text body; this or `html` is needed.",
            "example": "Hello {{first_name|there}}",
        },
    )

    @validates_schema
    def _has_body(self, data: dict[str, Any], **_: Any) -> None:
        if not (data.get("html") or data.get("text")):
            raise ValidationError("Give html or text, or both.", "html")


class ChangeTemplateSchema(_Parts):
    """What to change of a template; what is not named stays, and `null` takes a body away."""

    name = Line(validate=validate.Length(1, MAX_NAME), metadata={"example": "Welcome"})
    subject = Line(validate=validate.Length(1, MAX_SUBJECT), metadata={"example": "Welcome!"})
    html = Body(allow_none=True, metadata={"example": "<h1>Hello {{first_name}}</h1>"})
    text = Body(allow_none=True, metadata={"example": "Hello {{first_name}}"})


class PreviewSchema(Schema):
    """What to fill in."""

    variables = Variables(
        load_default=dict,
        metadata={"description": "As on `POST /api/send`.", "example": _EXAMPLE},
    )


class TemplateSummarySchema(Schema):
    """A template as lists show it."""

    id = fields.UUID(required=True)
    name = fields.String(required=True, metadata={"example": "Welcome"})
    subject = fields.String(required=True, metadata={"example": "Welcome, {{first_name|there}}!"})
    created_at = Moment(required=True)
    updated_at = Moment(required=True)


_NAMES = fields.List(
    fields.String(),
    required=True,
    metadata={
        "description": "The variables it uses, in order of appearance.",
        "example": ["first_name", "metadata.plan"],
    },
)


class TemplateSchema(TemplateSummarySchema):
    """A template."""

    html = fields.String(required=True, allow_none=True)
    text = fields.String(required=True, allow_none=True)
    variables = _NAMES


class TemplateListSchema(PageSchema):
    """A page of templates, newest first."""

    data = fields.List(fields.Nested(TemplateSummarySchema), required=True)


class RenderedSchema(Schema):
    """A template with the variables filled in."""

    subject = fields.String(required=True, metadata={"example": "Welcome, Ada!"})
    html = fields.String(required=True, allow_none=True, metadata={"example": "<h1>Hello Ada</h1>"})
    text = fields.String(required=True, allow_none=True, metadata={"example": "Hello Ada"})
    variables = _NAMES


def check_syntax(data: Mapping[str, Any]) -> None:
    """Refuses `data` whose subject, html or text is no template, and says where."""
    wrong: dict[str, Any] = {}
    for part in PARTS:
        try:
            parse(data.get(part) or "")
        except TemplateError as error:
            wrong[part] = [str(error)]
    if wrong:
        raise ValidationError(wrong)


def _deeper_than(value: Any, depth: int) -> bool:
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return depth < 0 or any(_deeper_than(item, depth - 1) for item in inner)
