"""The OpenAPI document, out of the schemas that validate."""

from __future__ import annotations

from typing import Any

from flask import Flask
from flask_smorest import Api

from services.gateway.schemas.errors import ErrorSchema
from services.gateway.schemas.fields import FutureMoment, Headers, Mailbox, Mailboxes, Moment, SendAt
from services.gateway.schemas.templates import Variables
from shared.settings import settings

_DESCRIPTION = """\
Send email and follow it. All requests and answers are JSON in UTF-8.

Every answer carries `X-Request-Id`; every refusal has the same body, with a stable `code` to program against.
The [guides](/docs/guides) explain the whole of it, a subject at a time.
"""

_SECURITY = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "`Authorization: Bearer mm_…`"},
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "`X-API-Key: mm_…`"},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "mailmatic_session",
        "description": "The cookie that `/api/auth/login` sets (over HTTPS as `__Host-mailmatic_session`). "
        "Writes also bring the session's `csrf_token` as `X-CSRF-Token`.",
    },
    "cron": {
        "type": "http",
        "scheme": "bearer",
        "description": "MAILMATIC_CRON_SECRET as `Authorization: Bearer …` or `X-Cron-Secret: …`",
    },
}


class OurApi(Api):  # type: ignore[misc] # the library has no types
    """flask-smorest's Api, whose error body and handlers are ours (shared.web)."""

    ERROR_SCHEMA = ErrorSchema

    def _register_error_handlers(self) -> None:
        pass


def api_of(app: Flask) -> Api:
    """The API of `app`, to register blueprints with."""
    app.config.update(
        API_TITLE="Mailmatic",
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
        API_SPEC_OPTIONS={
            "info": {"description": _DESCRIPTION},
            "servers": [{"url": settings().public_url}],
            "security": [{"bearer": []}, {"apiKey": []}],
        },
    )
    api = OurApi(app)
    for name, scheme in _SECURITY.items():
        api.spec.components.security_scheme(name, scheme)
    converter = api.ma_plugin.converter
    for document in (_document_address, _document_headers):
        converter.add_attribute_function(document)
    api.register_field(Mailbox, "string", None)
    api.register_field(Variables, "object", None)
    for field in (Moment, FutureMoment, SendAt):
        api.register_field(field, "string", "date-time")
    return api


def _document_address(_: Any, field: Any, **__: Any) -> dict[str, Any]:
    if not isinstance(field, Mailboxes):
        return {}
    one = {"type": "string", "minLength": 3}
    forms = [one, {"type": "array", "items": one}]
    return {"anyOf": forms if not field.allow_none else [*forms, {"type": "null"}]}


def _document_headers(_: Any, field: Any, **__: Any) -> dict[str, Any]:
    if not isinstance(field, Headers):
        return {}
    return {
        "type": ["object", "null"] if field.allow_none else "object",
        "additionalProperties": {"type": "string"},
    }


def document(app: Flask) -> dict[str, Any]:
    """The OpenAPI document of `app`."""
    spec: dict[str, Any] = app.extensions["flask-smorest"]["apis"][""]["ext_obj"].spec.to_dict()
    return spec
