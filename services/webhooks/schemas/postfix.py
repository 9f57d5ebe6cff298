"""POST /api/webhooks/postfix: what an MTA says of one recipient of one email."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, pre_load, validate

from shared.clock import iso, now, parse_moment
from shared.errors import FieldError
from shared.pointers import faults

EVENTS = ("delivered", "bounce", "deferred", "expired", "complaint")
#: Longest text that is kept of anything a remote server said.
_MAX_TEXT = 2_000


class Words(fields.String):
    """Text of somebody else's making: cut, never refused for its length."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        return super()._deserialize(value, attr, data, **kwargs)[:_MAX_TEXT]


class When(fields.Field[datetime]):
    """A time, kept as text; one in the future is a clock that is wrong, and becomes now."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> Any:
        if not isinstance(value, str):
            raise ValidationError("Not a string.")
        try:
            return iso(min(parse_moment(value), now()))
        except ValueError as error:
            raise ValidationError(str(error)) from None


class ReportSchema(Schema):
    """One event; what else is in it is ignored."""

    class Meta:
        """Agents newer than we are may say more."""

        unknown = EXCLUDE

    event = fields.String(required=True, validate=validate.OneOf(EVENTS))
    recipient = fields.String(required=True, validate=validate.Length(3, 320))
    message_id = fields.String(required=True, validate=validate.Length(1, 998))
    reason = Words(load_default=None, allow_none=True)
    # RFC 3463, as Postfix logs it: dsn=5.1.1
    dsn = fields.String(
        load_default=None, allow_none=True, validate=validate.Regexp(r"^[245]\.\d{1,3}\.\d{1,3}$")
    )
    relay = Words(load_default=None, allow_none=True)
    queue_id = Words(load_default=None, allow_none=True)
    occurred_at = When(load_default=None, allow_none=True)
    # seconds: in all, and by stage as Postfix logs them
    delay = fields.Float(load_default=None, allow_none=True, validate=validate.Range(0))
    delays = fields.List(
        fields.Float(validate=validate.Range(0)),
        load_default=None,
        allow_none=True,
        validate=validate.Length(equal=4),
    )

    @pre_load
    def _trim(self, data: Any, **_: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return {key: value.strip() if isinstance(value, str) else value for key, value in data.items()}


_ONE = ReportSchema()
_MANY = ReportSchema(many=True)


def load(body: Any) -> tuple[list[dict[str, Any]], list[FieldError]]:
    """The events of a body that is one or an array of them, or what is wrong with it."""
    try:
        return (_MANY.load(body) if isinstance(body, list) else [_ONE.load(body)]), []
    except ValidationError as error:
        return [], faults(error.messages)
