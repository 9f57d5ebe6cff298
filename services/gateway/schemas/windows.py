"""What the lists share: the query for a page, and the page."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema


class WindowQuerySchema(Schema):
    """Which page of a list."""

    limit = fields.Integer(load_default=20, validate=validate.Range(1, 100))
    after = fields.UUID(metadata={"description": "Id of the last item of the page before this."})
    before = fields.UUID(metadata={"description": "Id of the first item of the page after this."})

    @validates_schema
    def _one_direction(self, data: dict[str, Any], **_: Any) -> None:
        if "after" in data and "before" in data:
            raise ValidationError("Give after or before, not both.", "before")


class PageSchema(Schema):
    """A page of a list, newest first; `data` is what each list adds."""

    object = fields.String(required=True, validate=validate.OneOf(["list"]))
    has_more = fields.Boolean(
        required=True,
        metadata={"description": "Whether there are more in the direction of the page.", "example": False},
    )
