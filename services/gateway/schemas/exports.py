"""Exports of reports: which emails, and how far the file is."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from services.gateway.schemas.fields import Moment
from services.gateway.schemas.logs import LogFilterSchema
from services.gateway.schemas.windows import PageSchema
from shared.mail_log.reports import FORMS
from shared.models.exports import EXPORT_STATUSES


class NewExportSchema(LogFilterSchema):
    """What is to be in the file: the filters of the log."""

    format = fields.String(load_default="csv", validate=validate.OneOf(FORMS))


class ExportSchema(Schema):
    """A report that is written as a file."""

    id = fields.UUID(required=True)
    status = fields.String(required=True, validate=validate.OneOf(EXPORT_STATUSES))
    format = fields.String(required=True, attribute="form", validate=validate.OneOf(FORMS))
    filter = fields.Dict(
        required=True, keys=fields.String(), metadata={"example": {"until": "2026-06-01T09:00:00Z"}}
    )
    percent = fields.Integer(
        required=True, metadata={"description": "Of the time that it is about.", "example": 100}
    )
    rows = fields.Integer(required=True, metadata={"description": "Written so far.", "example": 250000})
    size = fields.Integer(required=True, metadata={"description": "Bytes so far.", "example": 61000000})
    created_at = Moment(required=True)
    started_at = Moment(required=True, allow_none=True)
    finished_at = Moment(required=True, allow_none=True)
    expires_at = Moment(required=True, allow_none=True, metadata={"description": "When the file is deleted."})


class ExportPageSchema(PageSchema):
    """A page of exports, newest first."""

    data = fields.List(fields.Nested(ExportSchema), required=True)
