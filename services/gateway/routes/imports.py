"""Imports of contacts from CSV files: begun, followed, cancelled."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from flask import Request, Response, request
from sqlalchemy import Connection

from services.gateway import import_store, tag_store
from services.gateway.auth import principal
from services.gateway.errors import problem
from services.gateway.import_store import Options
from services.gateway.one_insert import Row
from services.gateway.routes.blueprint import Blueprint, Media
from services.gateway.routes.downloads import download
from services.gateway.routes.lists import known_list
from services.gateway.routes.live import live
from services.gateway.routes.once import amend, keep, rendered
from services.gateway.schemas.imports import ImportPageSchema, ImportSchema
from services.gateway.schemas.uploads import Upload, read_form
from services.gateway.schemas.windows import WindowQuerySchema
from services.gateway.upload_text import NotText, utf8_of
from services.gateway.windows import Window
from shared.clock import now
from shared.contact_import.columns import NotContacts, WrongMapping
from shared.contact_import.load import claim, load
from shared.contracts import LoadContacts
from shared.csv_out import csv_text
from shared.db import DatabaseUnavailable, transaction
from shared.errors import ApiError, FieldError
from shared.observability import get_logger
from shared.outbox import emit
from shared.settings import settings

log = get_logger("imports")

blueprint = Blueprint(
    "imports",
    __name__,
    url_prefix="/api",
    scope="contacts",
    guide="imports",
    description="Contacts out of CSV files.",
)

_CSV = "email,first_name,last_name\njohn@example.com,John,Doe\n"
_OPTIONS: dict[str, Any] = {
    "mode": {"type": "string", "enum": ["upsert", "add", "update"]},
    "tag_ids": {"type": "string", "description": "Ids of tags to set, separated by commas."},
    "mapping": {"type": "string", "description": "JSON: header → email, first_name, … metadata.KEY, null."},
    "confirmed": {"type": "boolean", "description": "They have confirmed: for lists with double opt-in."},
}
_FILE = {
    "multipart/form-data": {
        "schema": {
            "type": "object",
            "properties": {"file": {"type": "string", "format": "binary"}, **_OPTIONS},
            "required": ["file"],
        },
        "example": {"file": _CSV},
    },
    "text/csv": {"schema": {"type": "string"}, "example": _CSV},
}
#: Files up to this size (bytes and lines) are loaded before the answer.
_SMALL_BYTES, _SMALL_LINES = 1024 * 1024, 1_001
_REJECTS_A_PAGE = 1_000
_ENDED = ("completed", "cancelled", "failed")
_IMPORT = ImportSchema()


def _upload(req: Request) -> Upload:
    return read_form(req, ("text/csv",), settings().import_max_bytes)


def _digest(req: Request) -> Any:
    """What the file holds and is wanted for: a form has another boundary each time."""
    upload, digest = _upload(req), hashlib.sha256()
    upload.file.seek(0)
    while block := upload.file.read(1024 * 1024):
        digest.update(block)
    return {"file": digest.hexdigest(), "form": upload.given}


@blueprint.operation(
    "/lists/<uuid:list_id>/import",
    "POST",
    accepts=_FILE,
    answers=(202, ImportSchema),
    refuses=("not_found",),
    idempotent=_digest,
    at_once=ImportSchema,
)
def import_contacts(list_id: UUID) -> Response:
    """Import contacts from CSV

    A header row names the columns: email, first_name, last_name, in any order; all others become metadata.
    A file of up to 1,000 rows is answered with 200 and its final counts; a larger one with 202, and
    `GET /api/imports/{id}` tells how far it is.
    """
    with transaction() as tx:
        known_list(tx, list_id)  # before the file is read
    who, upload = principal(), _upload(request)
    wanted = upload.options
    with transaction() as tx:
        _check_tags(tx, wanted["tag_ids"])
        options = Options(list_id=list_id, filename=upload.filename, **wanted)
        try:
            id, size, lines = import_store.create(tx, who.account_id, utf8_of(upload.file), options)
        except (NotText, NotContacts) as error:
            raise problem("validation_error", str(error), [FieldError("/file", str(error))]) from None
        except WrongMapping as error:
            at = f"/mapping/{error.column}" if error.column else "/mapping"
            raise problem("validation_error", errors=[FieldError(at, str(error))]) from None
        small = size <= _SMALL_BYTES and lines <= _SMALL_LINES
        emit(tx, LoadContacts(str(id)), at=_later() if small else None)
        response = rendered(_IMPORT, _known(tx, id), 202)
        keep(tx, response)
    return _loaded(id, response) if small else response


@blueprint.operation("/imports", "GET", query=WindowQuerySchema, answers=(200, ImportPageSchema))
def list_imports(query: dict[str, Any]) -> dict[str, Any]:
    """List imports

    Newest first. The next page is the one `after` the last id of this one.
    """
    with transaction() as tx:
        rows, has_more = import_store.window(tx, principal().account_id, Window.of(query))
    return {"object": "list", "has_more": has_more, "data": rows}


@blueprint.operation("/imports/<uuid:import_id>", "GET", answers=(200, ImportSchema), refuses=("not_found",))
def get_import(import_id: UUID) -> Row:
    """Show how far an import is"""
    with transaction() as tx:
        return _known(tx, import_id)


@blueprint.operation(
    "/imports/<uuid:import_id>/cancel",
    "POST",
    answers=(200, ImportSchema),
    refuses=("not_found", "import_ended"),
)
def cancel_import(import_id: UUID) -> Row:
    """Cancel an import

    What was imported by then stays.
    """
    with transaction() as tx:
        _known(tx, import_id)
        if not import_store.cancel(tx, principal().account_id, import_id):
            raise problem("import_ended")
        return _known(tx, import_id)


@blueprint.operation(
    "/imports/<uuid:import_id>/rejected",
    "GET",
    answers=(200, Media("text/csv", 'line,reason,row\n3,Has no address.,",John,Doe"\n')),
    refuses=("not_found",),
)
def export_rejected(import_id: UUID) -> Response:
    """Download the rows that were left out, as CSV

    With the line of the file that each begins on, why, and what it says.
    """
    with transaction() as tx:
        _known(tx, import_id)
    return download(_rejected(import_id), "rejected.csv")


@blueprint.operation(
    "/imports/<uuid:import_id>/stream",
    "GET",
    answers=(200, Media("text/event-stream", 'event: progress\ndata: {"status": "running", …}\n\n')),
    refuses=("not_found", "too_many_streams"),
)
def stream_import(import_id: UUID) -> Response:
    """Follow an import live (SSE)

    An event `progress` with the import whenever it got further, and `end` when it has ended.
    """
    account_id = principal().account_id
    with transaction() as tx:
        _known(tx, import_id)

    def look() -> tuple[dict[str, Any], bool]:
        with transaction() as tx:
            found = import_store.get(tx, account_id, import_id)
        if found is None:
            return {}, True
        return _IMPORT.dump(found), found["status"] in _ENDED

    return live(f"import:{import_id}", look, "end")


def _loaded(id: UUID, usual: Response) -> Response:
    """The answer once a small file is loaded; the usual one where that fails, and a worker tries again."""
    config = settings()
    try:
        with transaction() as tx:
            claimed = claim(tx, id, config.import_lease_seconds)
        if claimed is None or not all(load(claimed, config.import_step_rows, config.import_lease_seconds)):
            return usual
        with transaction() as tx:
            response = rendered(_IMPORT, _known(tx, id), 200)
            amend(tx, response)
    except DatabaseUnavailable as error:
        log.warning("import.postponed", reason=str(error))
        return usual
    return response


def _rejected(id: UUID) -> Iterator[str]:
    """In pages, each read in a transaction of its own: a slow reader holds none open."""
    yield csv_text([("line", "reason", "row")])
    after, more = 0, True
    while more:
        with transaction() as tx:
            rows = import_store.rejects(tx, id, after, _REJECTS_A_PAGE)
        yield csv_text((row.line, row.reason, row.row) for row in rows)
        more = len(rows) == _REJECTS_A_PAGE
        after = rows[-1].line if rows else after


def _later() -> datetime:
    return now() + timedelta(seconds=settings().import_lease_seconds)


def _check_tags(tx: Connection, ids: list[UUID]) -> None:
    if set(ids) - tag_store.known(tx, principal().account_id, ids):
        raise problem("validation_error", errors=[FieldError("/tag_ids", "There is no tag with this id.")])


def _known(tx: Connection, id: UUID) -> Row:
    found = import_store.get(tx, principal().account_id, id)
    if found is None:
        raise _unknown()
    return found


def _unknown() -> ApiError:
    return problem("not_found", "There is no import with this id.")
