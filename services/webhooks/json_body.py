"""A request's body as JSON: an object or an array, strictly."""

from __future__ import annotations

from typing import Any

from flask import Request

from shared import strict_json
from shared.errors import ApiError, FieldError
from shared.pointers import MAX_FAULTS


def read_json(req: Request) -> Any:
    """The body of `req`.

    Raises:
        ApiError: 415 for another type; 400 if it is not JSON; 422 for text that can't be stored.
    """
    if req.mimetype != "application/json":
        raise ApiError(415, "unsupported_media_type", "The request body must be application/json in UTF-8.")
    raw = req.get_data(cache=False)
    try:
        value = strict_json.loads(raw)
    except strict_json.JsonError as error:
        raise ApiError(400, "invalid_json", str(error) if raw else "The request body is empty.") from None
    wrong = strict_json.unstorable(raw, value)
    if not isinstance(value, dict | list):
        wrong = [FieldError("", "The body must be a JSON object or an array of them.")]
    if wrong:
        raise ApiError(422, "validation_error", "The request is not valid.", wrong[:MAX_FAULTS])
    return value
