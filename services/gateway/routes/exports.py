"""Lists and segments out again, as CSV and as JSON lines, streamed."""

from __future__ import annotations

from functools import partial
from uuid import UUID

from flask import Response
from sqlalchemy import Connection, exists

from services.gateway import contact_views, segment_store
from services.gateway.auth import principal
from services.gateway.contact_export import as_csv, as_json_lines, metadata_keys
from services.gateway.one_insert import Row
from services.gateway.routes.blueprint import Blueprint, Media
from services.gateway.routes.downloads import download
from services.gateway.routes.lists import known_list
from services.gateway.routes.segments import known_segment
from services.gateway.schemas.contacts import ContactSchema, MemberSchema
from services.gateway.windows import Window
from shared.audience import Rule, parse_rules
from shared.audience.conditions import condition
from shared.clock import now
from shared.db import transaction
from shared.models import contacts, subscriptions

blueprint = Blueprint(
    "exports",
    __name__,
    url_prefix="/api",
    scope="contacts",
    guide="contacts",
    description="Contacts as files.",
)

_CSV = Media("text/csv", "email,first_name,last_name,metadata.plan\njohn@example.com,John,Doe,pro\n")
_LINES = Media("application/x-ndjson", '{"email": "john@example.com", "first_name": "John"}\n')


@blueprint.operation("/lists/<uuid:list_id>/export", "GET", answers=(200, _CSV), refuses=("not_found",))
def export_list(list_id: UUID) -> Response:
    """Export a list as CSV

    Everybody on it, whatever their standing. An import reads it again: metadata have a column a key, and a
    cell that a spreadsheet would run as a formula begins with `'`.
    """
    account_id = principal().account_id
    on_it = exists().where(subscriptions.c.list_id == list_id, subscriptions.c.contact_id == contacts.c.id)
    with transaction() as tx:
        known_list(tx, list_id)
        keys = metadata_keys(tx, account_id, on_it)
    return download(as_csv(partial(_members, account_id, list_id), keys, standing=True), "list.csv")


@blueprint.operation(
    "/lists/<uuid:list_id>/export/jsonl", "GET", answers=(200, _LINES), refuses=("not_found",)
)
def export_list_as_json_lines(list_id: UUID) -> Response:
    """Export a list as JSON lines

    Everybody on it, an object a line, as `GET /api/lists/{id}/contacts` shows them.
    """
    account_id = principal().account_id
    with transaction() as tx:
        known_list(tx, list_id)
    lines = as_json_lines(partial(_members, account_id, list_id), MemberSchema().dump)
    return download(lines, "list.jsonl")


@blueprint.operation("/segments/<uuid:segment_id>/export", "GET", answers=(200, _CSV), refuses=("not_found",))
def export_segment(segment_id: UUID) -> Response:
    """Export a segment as CSV

    Whoever is in it when their page is read; as the export of a list, without standings.
    """
    account_id = principal().account_id
    with transaction() as tx:
        rules = parse_rules(known_segment(tx, segment_id)["rules"])
        keys = metadata_keys(tx, account_id, condition(rules, now()))
    return download(as_csv(partial(_meeting, account_id, rules), keys, standing=False), "segment.csv")


@blueprint.operation(
    "/segments/<uuid:segment_id>/export/jsonl", "GET", answers=(200, _LINES), refuses=("not_found",)
)
def export_segment_as_json_lines(segment_id: UUID) -> Response:
    """Export a segment as JSON lines

    Whoever is in it when their page is read, an object a line.
    """
    account_id = principal().account_id
    with transaction() as tx:
        rules = parse_rules(known_segment(tx, segment_id)["rules"])
    lines = as_json_lines(partial(_meeting, account_id, rules), ContactSchema().dump)
    return download(lines, "segment.jsonl")


def _members(account_id: UUID, list_id: UUID, tx: Connection, page: Window) -> tuple[list[Row], bool]:
    return contact_views.members(tx, account_id, list_id, page, contact_views.Filter())


def _meeting(account_id: UUID, rules: Rule, tx: Connection, page: Window) -> tuple[list[Row], bool]:
    return segment_store.members(tx, account_id, rules, page)
