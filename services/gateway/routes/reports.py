"""Reports: what became of each recipient, as JSON and as files."""

from __future__ import annotations

from typing import Any

from flask import Response

from services.gateway.auth import principal
from services.gateway.routes.blueprint import Blueprint, Media
from services.gateway.routes.downloads import download
from services.gateway.schemas.logs import filter_of
from services.gateway.schemas.reports import ReportQuerySchema, ReportSchema
from shared.db import transaction
from shared.mail_log import reports
from shared.mail_log.search import Part, find

blueprint = Blueprint(
    "reports", __name__, url_prefix="/api", scope="read", guide="logs", description="The log as a file."
)

CSV = Media("text/csv", "email_id,message_id,created_at,from,to,…\n0197a3c0-5c1e-7c3a-9f0e-2f3a4b5c6d7e,…\n")
LINES = Media("application/x-ndjson", '{"email_id": "0197a3c0-5c1e-7c3a-9f0e-2f3a4b5c6d7e", …}\n')


@blueprint.operation(
    "/reports", "GET", query=ReportQuerySchema, answers=(200, ReportSchema), files=(CSV, LINES)
)
def report(query: dict[str, Any]) -> dict[str, Any] | Response:
    """Report on what was sent

    A row for each recipient of the emails that the filters find, newest first: a page of them as JSON, or
    with `export=csv` or `export=jsonl` all of them as a file, streamed at any size. Filters are the log's.
    """
    account_id, which = principal().account_id, filter_of(query)
    export = query.get("export")
    if export:
        return download(reports.whole(account_id, which, export), f"report.{export}")
    with transaction() as tx:
        found = find(tx, account_id, which, Part(query["limit"], query.get("after")))
        rows = reports.rows_of(tx, found.ids)
    return {
        "object": "report",
        "emails": found.total,
        "exact": found.exact,
        "looked_since": found.looked_since,
        "data": [reports.shown(row) for row in rows],
        "next": found.next,
    }
