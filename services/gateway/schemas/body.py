"""The request's body and query → a schema's object: our strict JSON, our error body."""

from __future__ import annotations

from typing import Any, NoReturn

from flask import Request
from marshmallow import RAISE, Schema, ValidationError
from webargs.flaskparser import FlaskParser

from services.gateway.errors import problem
from shared import strict_json
from shared.errors import FieldError
from shared.pointers import MAX_FAULTS, faults

#: Where a request keeps its parsed body (WSGI environ).
_PARSED = "mailmatic.json"


class Arguments(FlaskParser):
    """webargs' parser with our own idea of JSON and of errors. Unknown fields and parameters are refused."""

    DEFAULT_UNKNOWN_BY_LOCATION = {"json": RAISE, "query": RAISE}  # noqa: RUF012 - the library's name

    def load_json(self, req: Request, schema: Schema) -> Any:
        """The body as JSON, judged by `schema` next.

        Raises:
            ApiError: what `read_json` raises.
        """
        if getattr(schema, "may_be_missing", False) and not has_body(req):
            return {}
        return read_json(req)

    def handle_error(self, error: ValidationError, req: Request, schema: Schema, **_: Any) -> NoReturn:
        """Answers 422 with a pointer for each fault."""
        messages = error.messages
        # webargs files everything under the location ("json", "query")
        inner = next(iter(messages.values())) if isinstance(messages, dict) else messages
        raise problem("validation_error", errors=faults(inner))


def read_json(req: Request) -> dict[str, Any]:
    """The body of `req`, a JSON object; read and parsed once, however often it is asked for.

    Raises:
        ApiError: 415 for another type, charset or encoding; 400 if it is not JSON; 413; 422 for what is
            not an object, or holds text that can't be stored.
    """
    if _PARSED not in req.environ:
        req.environ[_PARSED] = _parse(req)
    value: dict[str, Any] = req.environ[_PARSED]
    return value


def has_body(req: Request) -> bool:
    """Whether anything was sent beside the headers."""
    return bool(req.content_length) or "Transfer-Encoding" in req.headers


def read_json_or_nothing(req: Request) -> dict[str, Any]:
    """`read_json`, where the body may be left out."""
    return read_json(req) if has_body(req) else {}


def _parse(req: Request) -> dict[str, Any]:
    _check_type(req)
    raw = read_body(req)
    try:
        value = strict_json.loads(raw)
    except strict_json.JsonError as error:
        raise problem("invalid_json", str(error) if raw else "The request body is empty.") from None
    if not isinstance(value, dict):
        raise problem("validation_error", errors=[FieldError("", "The body must be a JSON object.")])
    unstorable = strict_json.unstorable(raw, value)
    if unstorable:
        raise problem("validation_error", errors=unstorable[:MAX_FAULTS])
    return value


def read_body(req: Request) -> bytes:
    """The whole body; 400 if it ended early, 413 if it is too large."""
    raw = req.get_data(cache=False)
    if req.content_length is not None:
        # the server hands over what came before the client went away; half a request is none
        if len(raw) != req.content_length:
            raise problem("bad_request", "The request body ended early.")
    # a chunked body is cut at the limit without a word
    elif req.max_content_length is not None and len(raw) >= req.max_content_length:
        raise problem("payload_too_large")
    return raw


def _check_type(req: Request) -> None:
    json = req.mimetype == "application/json" or (
        req.mimetype.startswith("application/") and req.mimetype.endswith("+json")
    )
    charset = req.mimetype_params.get("charset", "utf-8").lower().replace("_", "-")
    if not json or charset not in ("utf-8", "utf8", "us-ascii", "ascii"):
        raise problem("unsupported_media_type")
    if req.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise problem("unsupported_media_type", "Compressed request bodies are not understood.")
