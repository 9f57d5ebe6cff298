"""Imports of contacts: the form's fields, and how far one got."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from services.gateway.schemas.fields import Moment
from services.gateway.schemas.windows import PageSchema
from shared.models.imports import IMPORT_MODES, IMPORT_STATUSES

MAX_TAGS = 100
_MAX_MAPPED = 200


class Mapping(fields.Field[dict[str, Any]]):
    """What columns mean: a JSON object as text, since a form has no objects."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> dict[str, Any]:
        try:
            found = json.loads(value) if isinstance(value, str) else value
        except (ValueError, RecursionError):
            raise ValidationError("Not JSON.") from None
        if not isinstance(found, dict) or len(found) > _MAX_MAPPED:
            raise ValidationError("Must be an object: header → what it means.")
        wrong = {
            key: ["Must be email, first_name, last_name, metadata.KEY or null."]
            for key, field in found.items()
            if not (field is None or isinstance(field, str))
        }
        if wrong:
            raise ValidationError(wrong)
        return found


class TagIds(fields.Field[list[UUID]]):
    """Ids, separated by commas."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> list[UUID]:
        try:
            ids = list(dict.fromkeys(UUID(part.strip()) for part in str(value).split(",") if part.strip()))
        except ValueError:
            raise ValidationError("Must be ids, separated by commas.") from None
        if len(ids) > MAX_TAGS:
            raise ValidationError(f"At most {MAX_TAGS} tags.")
        return ids


class ImportOptionsSchema(Schema):
    """What stands in the form beside the file."""

    mode = fields.String(load_default="upsert", validate=validate.OneOf(IMPORT_MODES))
    tag_ids = TagIds(load_default=list)
    mapping = Mapping(load_default=dict)
    confirmed = fields.Boolean(load_default=False)

    @validates_schema(pass_original=True)
    def _known(self, data: dict[str, Any], original: dict[str, Any], **_: Any) -> None:
        for name in original:
            if name not in self.fields:
                raise ValidationError("Unknown field.", name)


class ImportSchema(Schema):
    """An import and how far it got."""

    id = fields.UUID(required=True)
    list_id = fields.UUID(required=True)
    status = fields.String(required=True, validate=validate.OneOf(IMPORT_STATUSES))
    filename = fields.String(required=True, allow_none=True, metadata={"example": "contacts.csv"})
    mode = fields.String(required=True, validate=validate.OneOf(IMPORT_MODES))
    rows = fields.Integer(
        required=True, metadata={"description": "Rows read so far, without empty ones.", "example": 1000}
    )
    added = fields.Integer(required=True, metadata={"description": "New contacts.", "example": 900})
    updated = fields.Integer(required=True, metadata={"description": "Contacts changed.", "example": 60})
    skipped = fields.Integer(
        required=True,
        metadata={
            "description": "Rows that changed nobody: known as they are, repeated, or left out by the mode.",
            "example": 38,
        },
    )
    rejected = fields.Integer(
        required=True, metadata={"description": "Rows that can't be imported.", "example": 2}
    )
    suppressed = fields.Integer(
        required=True,
        metadata={
            "description": "Of all these, how many were not put on the list, being suppressed.",
            "example": 5,
        },
    )
    percent = fields.Integer(
        required=True, metadata={"description": "How much of the file is read.", "example": 100}
    )
    error = fields.String(
        required=True, allow_none=True, metadata={"description": "Why it failed, if it has."}
    )
    created_at = Moment(required=True)
    started_at = Moment(required=True, allow_none=True)
    finished_at = Moment(required=True, allow_none=True)


class ImportPageSchema(PageSchema):
    """A page of imports, newest first."""

    data = fields.List(fields.Nested(ImportSchema), required=True)
