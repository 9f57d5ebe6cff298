"""Segments: whoever meets rules at the moment when it is asked."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from services.gateway import segment_store
from services.gateway.auth import principal
from services.gateway.errors import problem
from services.gateway.one_insert import Row
from services.gateway.routes.blueprint import Blueprint
from services.gateway.schemas.contacts import ContactPageSchema
from services.gateway.schemas.segments import (
    ChangeSegmentSchema,
    NewSegmentSchema,
    RulesSchema,
    SegmentPageSchema,
    SegmentPreviewSchema,
    SegmentSchema,
    SizeSchema,
)
from services.gateway.schemas.windows import WindowQuerySchema
from services.gateway.windows import Window
from shared.audience import parse_rules
from shared.db import transaction
from shared.errors import ApiError

blueprint = Blueprint(
    "segments",
    __name__,
    url_prefix="/api",
    scope="contacts",
    guide="segments",
    description="Contacts that meet rules.",
)

_RULES = {"field": "email", "operator": "contains", "value": "@"}
#: How many of those whom rules mean a preview shows.
_SAMPLE = 10


@blueprint.operation(
    "/segments",
    "POST",
    body=NewSegmentSchema,
    answers=(201, SegmentSchema),
    body_example={"name": "Active Users", "rules": _RULES},
)
def create_segment(body: dict[str, Any]) -> Row:
    """Create a segment

    A rule with a wrong field, operator or value is refused with a pointer to it.
    """
    with transaction() as tx:
        return segment_store.create(tx, principal().account_id, body)


@blueprint.operation("/segments", "GET", query=WindowQuerySchema, answers=(200, SegmentPageSchema))
def list_segments(query: dict[str, Any]) -> dict[str, Any]:
    """List segments

    Newest first. The next page is the one `after` the last id of this one.
    """
    with transaction() as tx:
        rows, has_more = segment_store.window(tx, principal().account_id, Window.of(query))
    return {"object": "list", "has_more": has_more, "data": rows}


@blueprint.operation(
    "/segments/preview", "POST", body=RulesSchema, answers=(200, SegmentPreviewSchema), scope="contacts"
)
def preview_segment(body: dict[str, Any]) -> dict[str, Any]:
    """Preview a segment

    How many meet the rules, and the ten newest of them. Keeps nothing.
    """
    account_id, rules = principal().account_id, parse_rules(body["rules"])
    with transaction() as tx:
        rows, _ = segment_store.members(tx, account_id, rules, Window(_SAMPLE))
        return {**segment_store.counts(tx, account_id, rules), "data": rows}


@blueprint.operation(
    "/segments/<uuid:segment_id>", "GET", answers=(200, SegmentSchema), refuses=("not_found",)
)
def get_segment(segment_id: UUID) -> Row:
    """Show a segment"""
    with transaction() as tx:
        return known_segment(tx, segment_id)


@blueprint.operation(
    "/segments/<uuid:segment_id>",
    "PATCH",
    body=ChangeSegmentSchema,
    answers=(200, SegmentSchema),
    refuses=("not_found",),
    body_example={"name": "Active Users"},
)
def change_segment(body: dict[str, Any], segment_id: UUID) -> Row:
    """Change a segment

    A campaign under way goes on with the rules that it began with.
    """
    with transaction() as tx:
        found = known_segment(tx, segment_id)
        changed = segment_store.change(tx, principal().account_id, segment_id, body) if body else None
    return changed or found


@blueprint.operation(
    "/segments/<uuid:segment_id>",
    "DELETE",
    answers=(200, SegmentSchema),
    refuses=("not_found", "segment_in_use"),
)
def delete_segment(segment_id: UUID) -> Row:
    """Delete a segment

    Answers with what was deleted. Refused while a campaign that is scheduled or under way goes by it.
    """
    with transaction() as tx:
        if segment_store.is_in_use(tx, principal().account_id, segment_id):
            raise problem("segment_in_use")
        removed = segment_store.remove(tx, principal().account_id, segment_id)
    if removed is None:
        raise _unknown()
    return removed


@blueprint.operation(
    "/segments/<uuid:segment_id>/contacts",
    "GET",
    query=WindowQuerySchema,
    answers=(200, ContactPageSchema),
    refuses=("not_found",),
)
def list_contacts_of_segment(query: dict[str, Any], segment_id: UUID) -> dict[str, Any]:
    """List who is in a segment at this moment

    Newest first. The next page is the one `after` the last id of this one.
    """
    with transaction() as tx:
        rules = parse_rules(known_segment(tx, segment_id)["rules"])
        rows, has_more = segment_store.members(tx, principal().account_id, rules, Window.of(query))
    return {"object": "list", "has_more": has_more, "data": rows}


@blueprint.operation(
    "/segments/<uuid:segment_id>/count", "GET", answers=(200, SizeSchema), refuses=("not_found",)
)
def count_segment(segment_id: UUID) -> dict[str, int]:
    """Count who is in a segment at this moment"""
    with transaction() as tx:
        rules = parse_rules(known_segment(tx, segment_id)["rules"])
        return segment_store.counts(tx, principal().account_id, rules)


def known_segment(tx: Connection, id: UUID) -> Row:
    """The caller's segment of this id.

    Raises:
        ApiError: 404.
    """
    found = segment_store.get(tx, principal().account_id, id)
    if found is None:
        raise _unknown()
    return found


def _unknown() -> ApiError:
    return problem("not_found", "There is no segment with this id.")
