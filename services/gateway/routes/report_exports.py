"""Reports of very large ranges, written as files in the background: begun, followed, downloaded, deleted."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response
from sqlalchemy import Connection

from services.gateway import export_store
from services.gateway.auth import principal
from services.gateway.errors import problem
from services.gateway.one_insert import Row
from services.gateway.routes.blueprint import Blueprint
from services.gateway.routes.downloads import download
from services.gateway.routes.once import keep, rendered
from services.gateway.routes.reports import CSV, LINES
from services.gateway.schemas.body import read_json
from services.gateway.schemas.exports import ExportPageSchema, ExportSchema, NewExportSchema
from services.gateway.schemas.logs import filter_of
from services.gateway.schemas.windows import WindowQuerySchema
from services.gateway.windows import Window
from shared.db import transaction

blueprint = Blueprint(
    "report_exports",
    __name__,
    url_prefix="/api",
    scope="read",
    guide="logs",
    description="Reports of very large ranges.",
)

_EXPORT = ExportSchema()


@blueprint.operation(
    "/reports/exports",
    "POST",
    body=NewExportSchema,
    body_example={"format": "csv", "from": "2026-01-01", "to": "2026-07-01"},
    answers=(202, ExportSchema),
    refuses=("too_many_exports",),
    idempotent=read_json,
)
def create_export(body: dict[str, Any]) -> Response:
    """Export a report

    As a file that is written in the background, of everything that was accepted by now and that the filters
    find. `GET /api/reports/exports/{id}` tells how far it is.
    """
    with transaction() as tx:
        id = export_store.create(tx, principal().account_id, filter_of(body), body["format"])
        if id is None:
            raise problem("too_many_exports")
        response = rendered(_EXPORT, _known(tx, id), 202)
        keep(tx, response)
    return response


@blueprint.operation("/reports/exports", "GET", query=WindowQuerySchema, answers=(200, ExportPageSchema))
def list_exports(query: dict[str, Any]) -> dict[str, Any]:
    """List exports

    Newest first. The next page is the one `after` the last id of this one.
    """
    with transaction() as tx:
        rows, has_more = export_store.window(tx, principal().account_id, Window.of(query))
    return {"object": "list", "has_more": has_more, "data": rows}


@blueprint.operation(
    "/reports/exports/<uuid:export_id>", "GET", answers=(200, ExportSchema), refuses=("not_found",)
)
def get_export(export_id: UUID) -> Row:
    """Show how far an export is"""
    with transaction() as tx:
        return _known(tx, export_id)


@blueprint.operation(
    "/reports/exports/<uuid:export_id>/download",
    "GET",
    answers=(200, CSV),
    files=(LINES,),
    refuses=("not_found", "export_unfinished"),
)
def download_export(export_id: UUID) -> Response:
    """Download an export"""
    with transaction() as tx:
        found = _known(tx, export_id)
    if found["status"] != "completed":
        raise problem("export_unfinished")
    response = download(export_store.content(export_id), f"report.{found['form']}")
    response.content_length = found["size"]
    return response


@blueprint.operation(
    "/reports/exports/<uuid:export_id>", "DELETE", answers=(204, None), refuses=("not_found",)
)
def delete_export(export_id: UUID) -> None:
    """Delete an export

    With its file; one that is being written is given up.
    """
    with transaction() as tx:
        _known(tx, export_id)
        export_store.remove(tx, principal().account_id, export_id)


def _known(tx: Connection, id: UUID) -> Row:
    found = export_store.get(tx, principal().account_id, id)
    if found is None:
        raise problem("not_found", "There is no export with this id.")
    return found
