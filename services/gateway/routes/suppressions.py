"""The suppression list: whom an account does not write to."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from flask import Request, Response, request

from services.gateway import suppression_csv, suppression_list
from services.gateway.auth import principal
from services.gateway.errors import problem
from services.gateway.routes.blueprint import Blueprint, Media
from services.gateway.routes.downloads import download
from services.gateway.routes.once import keep, rendered
from services.gateway.schemas.suppressions import (
    AddSuppressionsSchema,
    ImportedSchema,
    SuppressionListSchema,
    SuppressionQuerySchema,
    SuppressionSchema,
)
from services.gateway.schemas.uploads import read_upload
from services.gateway.windows import Window
from shared.addresses import AddressError, parse_address
from shared.db import transaction
from shared.errors import ApiError, FieldError
from shared.suppressions import Suppression, suppress

blueprint = Blueprint(
    "suppressions",
    __name__,
    url_prefix="/api",
    scope="suppressions",
    guide="suppressions",
    description="Whom not to write to.",
)

MAX_FILE = 10 * 1024 * 1024
_CHUNK = 5_000
_MOST_REJECTS = 100

_CSV = "email,reason\nada@example.net,manual\n"
_FILE = {
    "multipart/form-data": {
        "schema": {
            "type": "object",
            "properties": {"file": {"type": "string", "format": "binary"}},
            "required": ["file"],
        },
        "example": {"file": _CSV},
    },
    "text/csv": {"schema": {"type": "string"}, "example": _CSV},
}


_IMPORTED = ImportedSchema()


def _file(req: Request) -> bytes:
    return read_upload(req, ("text/csv",), MAX_FILE)


def _digest(req: Request) -> str:
    """What the file holds: a form has another boundary each time."""
    return hashlib.sha256(_file(req)).hexdigest()


@blueprint.operation(
    "/suppressions", "GET", query=SuppressionQuerySchema, answers=(200, SuppressionListSchema)
)
def list_suppressions(query: dict[str, Any]) -> dict[str, Any]:
    """List suppressed addresses

    Newest first. The next page is the one `after` the last id of this one.
    """
    which = suppression_list.Filter(query.get("search"), query.get("reason"))
    with transaction() as tx:
        rows, has_more = suppression_list.window(tx, principal().account_id, Window.of(query), which)
    return {"object": "list", "has_more": has_more, "data": rows}


@blueprint.operation(
    "/suppressions",
    "POST",
    body=AddSuppressionsSchema,
    answers=(201, SuppressionListSchema),
    body_example={"email": "ada@example.net", "reason": "manual"},
)
def add_suppressions(wanted: dict[str, Any]) -> dict[str, Any]:
    """Suppress addresses

    Answers with each of them as it stands now, in the order given. An address that is suppressed already
    keeps the stronger reason: complaint, then manual, hard_bounce, unsubscribe.
    """
    addresses = wanted.get("emails") or [wanted["email"]]
    keys = list(dict.fromkeys(address.key for address in addresses))
    account_id, reason = principal().account_id, wanted["reason"]
    with transaction() as tx:
        suppress(tx, *(Suppression(account_id, key, reason, "api") for key in keys))
        rows = suppression_list.of_addresses(tx, account_id, keys)
    return {"object": "list", "has_more": False, "data": [rows[key] for key in keys]}


@blueprint.operation(
    "/suppressions/import",
    "POST",
    accepts=_FILE,
    answers=(200, ImportedSchema),
    idempotent=_digest,
)
def import_suppressions() -> Response:
    """Import suppressed addresses from CSV

    At most 10 MB of UTF-8: a column `email` and, if you like, `reason`; without a header they are the first
    two. Rows that are no address are left out and listed. Importing a file again changes nothing.
    """
    account_id = principal().account_id
    try:
        rows = list(suppression_csv.read(_file(request)))
    except suppression_csv.CsvError as error:
        raise problem("validation_error", str(error), [FieldError("/file", str(error))]) from None
    entries = [row for row in rows if isinstance(row, suppression_csv.Entry)]
    rejects = [row for row in rows if isinstance(row, suppression_csv.Reject)]
    with transaction() as tx:
        added = sum(_add(tx, account_id, entries[at : at + _CHUNK]) for at in range(0, len(entries), _CHUNK))
        told = {
            "added": added,
            "unchanged": len(entries) - added,
            "rejected": len(rejects),
            "errors": rejects[:_MOST_REJECTS],
        }
        response = rendered(_IMPORTED, told, 200)
        keep(tx, response)
    return response


@blueprint.operation(
    "/suppressions/export",
    "GET",
    answers=(
        200,
        Media(
            "text/csv", "email,reason,source,created_at\nada@example.net,manual,api,2026-06-01T09:00:00Z\n"
        ),
    ),
)
def export_suppressions() -> Response:
    """Export the suppression list as CSV

    The whole of it, streamed, newest first. A cell that a spreadsheet would run as a formula begins with `'`.
    """
    return download(_export(principal().account_id), "suppressions.csv")


@blueprint.operation(
    "/suppressions/<path:email>", "GET", answers=(200, SuppressionSchema), refuses=("not_found",)
)
def get_suppression(email: str) -> dict[str, Any]:
    """Show whether an address is suppressed, and why

    404 if it is not.
    """
    key = _key(email)
    with transaction() as tx:
        rows = suppression_list.of_addresses(tx, principal().account_id, [key])
    if key not in rows:
        raise _not_suppressed()
    return rows[key]


@blueprint.operation(
    "/suppressions/<path:email>", "DELETE", answers=(200, SuppressionSchema), refuses=("not_found",)
)
def delete_suppression(email: str) -> dict[str, Any]:
    """Remove an address from the suppression list

    Answers with what was removed.
    """
    key = _key(email)
    with transaction() as tx:
        removed = suppression_list.remove(tx, principal().account_id, key)
    if removed is None:
        raise _not_suppressed()
    return removed


def _add(tx: Any, account_id: UUID, entries: list[suppression_csv.Entry]) -> int:
    return suppress(tx, *(Suppression(account_id, item.address, item.reason, "import") for item in entries))


def _export(account_id: UUID) -> Iterator[str]:
    """The list in pages, each read in a transaction of its own: a slow reader holds none open."""
    yield suppression_csv.write([], header=True)
    after: UUID | None = None
    more = True
    while more:
        with transaction() as tx:
            rows, more = suppression_list.window(
                tx, account_id, Window(_CHUNK, after=after), suppression_list.Filter()
            )
        yield suppression_csv.write(rows, header=False)
        after = rows[-1]["id"] if rows else None


def _key(email: str) -> str:
    try:
        return parse_address(email).key
    except AddressError:
        raise _not_suppressed() from None


def _not_suppressed() -> ApiError:
    return problem("not_found", "This address is not suppressed.")
