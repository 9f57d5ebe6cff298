"""A file in the request's body: as it is, or as the part `file` of a form (`curl -F file=@…`)."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Request

from services.gateway.errors import problem
from services.gateway.schemas.body import read_body
from shared.errors import FieldError

#: Where a request keeps the file it brought (WSGI environ).
_READ = "mailmatic.upload"
_FORM_OVERHEAD = 64 * 1024


def read_upload(req: Request, types: Sequence[str], limit: int) -> bytes:
    """The uploaded file's bytes; read once, however often they are asked for.

    Args:
        types: media types that the body may have when it is the file itself.
        limit: most bytes of the file.

    Raises:
        ApiError: 413; 415 for another type; 422 for a form without the part.
    """
    if _READ not in req.environ:
        req.environ[_READ] = _read(req, types, limit)
    raw: bytes = req.environ[_READ]
    return raw


def _read(req: Request, types: Sequence[str], limit: int) -> bytes:
    if req.mimetype == "multipart/form-data":
        req.max_content_length = limit + _FORM_OVERHEAD
        file = req.files.get("file")
        if file is None:
            raise problem(
                "validation_error", errors=[FieldError("/file", "Give the file as the part `file`.")]
            )
        raw = file.stream.read(limit + 1)
    elif req.mimetype in types:
        req.max_content_length = limit
        raw = read_body(req)
    else:
        raise problem("unsupported_media_type", f"Send {' or '.join(types)}, or multipart/form-data.")
    if len(raw) > limit:
        raise problem("payload_too_large", f"The file is larger than {limit} bytes.")
    return raw
