"""An example of an answer or a body, out of the examples of the schema's fields.

Refuses a schema whose field has no example where none can be made up: the reader of the reference would have
to guess what it looks like.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from marshmallow import Schema, fields, validate

from services.gateway.schemas.fields import FutureMoment, Moment
from shared.clock import iso, now

_UUID = "0197a3c0-5c1e-7c3a-9f0e-2f3a4b5c6d7e"
_MOMENT = "2026-06-01T09:00:00Z"


def answer_example(schema: type[Schema]) -> dict[str, Any]:
    """What an answer of this schema may look like, with every field.

    Raises:
        TypeError: a field has no example.
    """
    shown = schema().dump_fields.items()
    return {field.data_key or name: _value(f"{schema.__name__}.{name}", field) for name, field in shown}


def body_example(schema: type[Schema]) -> dict[str, Any]:
    """A request body of this schema: what is required, and what has an example of its own.

    Raises:
        TypeError: a required field has no example.
    """
    return {
        field.data_key or name: _value(f"{schema.__name__}.{name}", field)
        for name, field in schema().load_fields.items()
        if field.required or "example" in field.metadata
    }


def _value(name: str, field: fields.Field[Any]) -> Any:
    if "example" in field.metadata:
        return field.metadata["example"]
    if isinstance(field, fields.Nested):
        inner = answer_example(type(field.schema))
        return [inner] if field.many else inner
    if field.allow_none:
        return None
    if isinstance(field, fields.List):
        return [_value(name, field.inner)]
    return _plain(name, field)


def _plain(name: str, field: fields.Field[Any]) -> Any:
    for rule in field.validators:
        if isinstance(rule, validate.OneOf):
            return next(iter(rule.choices))
    if isinstance(field, FutureMoment):  # a fixed one would be wrong one day
        return iso((now() + timedelta(days=7)).replace(minute=0, second=0, microsecond=0))
    for kind, value in ((fields.UUID, _UUID), (Moment, _MOMENT), (fields.Boolean, True), (fields.Dict, {})):
        if isinstance(field, kind):
            return value
    raise TypeError(f"{name} has no example: say metadata={{'example': …}}")
