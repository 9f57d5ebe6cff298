"""A file in the request's body: as it is, or as the part `file` of a form (`curl -F file=@…`)."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from flask import Request
from marshmallow import ValidationError

from services.gateway.errors import problem
from services.gateway.schemas.body import read_body
from services.gateway.schemas.imports import ImportOptionsSchema
from shared.addresses import has_controls
from shared.errors import FieldError
from shared.pointers import faults

#: Where a request keeps the file it brought (WSGI environ).
_READ = "mailmatic.upload"
_FORM_OVERHEAD = 64 * 1024
_BLOCK = 256 * 1024
_MAX_NAME = 255


@dataclass(frozen=True)
class Upload:
    """A file on disk (as far as it is no small one), and what came with it in its form."""

    file: BinaryIO
    filename: str | None
    #: the form's fields as they were given, and as they are understood
    given: dict[str, str]
    options: dict[str, Any]


def read_form(req: Request, types: Sequence[str], limit: int) -> Upload:
    """The request's file, streamed to disk, under whatever name it has in its form; once a request.

    Args:
        types: media types that the body may have when it is the file itself.
        limit: most bytes of the file.

    Raises:
        ApiError: 413; 415 for another type; 422 for a form without a file, or with a field at fault.
    """
    if _READ not in req.environ:
        req.environ[_READ] = _form(req, types, limit)
    upload: Upload = req.environ[_READ]
    return upload


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


def _form(req: Request, types: Sequence[str], limit: int) -> Upload:
    given: dict[str, str] = {}
    filename = None
    if req.mimetype == "multipart/form-data":
        req.max_content_length = limit + _FORM_OVERHEAD
        part = next(iter(req.files.values()), None)
        if part is None:
            raise problem("validation_error", errors=[FieldError("/file", "Give a file in the form.")])
        file, given = cast(BinaryIO, part.stream), req.form.to_dict()
        filename = _clean(part.filename)
    elif req.mimetype in types:
        req.max_content_length = limit
        file = _spooled(req)
    else:
        raise problem("unsupported_media_type", f"Send {' or '.join(types)}, or multipart/form-data.")
    if file.seek(0, 2) > limit:
        raise problem("payload_too_large", f"The file is larger than {limit} bytes.")
    try:
        options = cast(dict[str, Any], ImportOptionsSchema().load(given))
    except ValidationError as error:
        raise problem("validation_error", errors=faults(error.messages)) from None
    return Upload(file, filename, given, options)


def _spooled(req: Request) -> BinaryIO:
    file = cast(BinaryIO, tempfile.SpooledTemporaryFile(max_size=1024 * 1024))  # noqa: SIM115 - the request's
    while block := req.stream.read(_BLOCK):
        file.write(block)
    if req.content_length is not None and file.tell() != req.content_length:
        raise problem("bad_request", "The request body ended early.")
    return file


def _clean(filename: str | None) -> str | None:
    name = (filename or "").replace("\\", "/").rpartition("/")[2][:_MAX_NAME]
    return None if not name or has_controls(name) else name


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
