"""Lists of contacts."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from services.gateway import list_store
from services.gateway.auth import principal
from services.gateway.errors import problem
from services.gateway.one_insert import Row
from services.gateway.routes.blueprint import Blueprint
from services.gateway.schemas.lists import (
    ChangeListSchema,
    ListPageSchema,
    ListSchema,
    ListWithCountsSchema,
    NewListSchema,
)
from services.gateway.schemas.windows import WindowQuerySchema
from services.gateway.windows import Window
from shared.db import transaction
from shared.errors import ApiError

blueprint = Blueprint(
    "lists",
    __name__,
    url_prefix="/api",
    scope="contacts",
    guide="contacts",
    description="Whom campaigns go to.",
)


@blueprint.operation(
    "/lists",
    "POST",
    body=NewListSchema,
    answers=(201, ListSchema),
    body_example={"name": "Newsletter Subscribers", "description": "Weekly newsletter list"},
)
def create_list(body: dict[str, Any]) -> Row:
    """Create a list"""
    with transaction() as tx:
        return list_store.create(tx, principal().account_id, body)


@blueprint.operation("/lists", "GET", query=WindowQuerySchema, answers=(200, ListPageSchema))
def list_lists(query: dict[str, Any]) -> dict[str, Any]:
    """List lists

    Newest first. The next page is the one `after` the last id of this one.
    """
    with transaction() as tx:
        rows, has_more = list_store.window(tx, principal().account_id, Window.of(query))
    return {"object": "list", "has_more": has_more, "data": rows}


@blueprint.operation(
    "/lists/<uuid:list_id>", "GET", answers=(200, ListWithCountsSchema), refuses=("not_found",)
)
def get_list(list_id: UUID) -> dict[str, Any]:
    """Show a list, and how many are on it"""
    with transaction() as tx:
        found = known_list(tx, list_id)
        return {**found, "contacts": list_store.counts(tx, principal().account_id, list_id)}


@blueprint.operation(
    "/lists/<uuid:list_id>",
    "PATCH",
    body=ChangeListSchema,
    answers=(200, ListSchema),
    refuses=("not_found",),
    body_example={"name": "Newsletter"},
)
def change_list(body: dict[str, Any], list_id: UUID) -> Row:
    """Change a list

    Who is on it stays as they are, also where `opt_in` changes.
    """
    with transaction() as tx:
        if not body:
            return known_list(tx, list_id)
        changed = list_store.change(tx, principal().account_id, list_id, body)
    if changed is None:
        raise unknown_list()
    return changed


@blueprint.operation(
    "/lists/<uuid:list_id>", "DELETE", answers=(200, ListSchema), refuses=("not_found", "list_in_use")
)
def delete_list(list_id: UUID) -> Row:
    """Delete a list

    Answers with what was deleted. Its contacts stay; who was on it and who had left it is forgotten. Refused
    while a campaign that is scheduled or under way goes to it, or leaves it out.
    """
    with transaction() as tx:
        if list_store.is_in_use(tx, principal().account_id, list_id):
            raise problem("list_in_use")
        removed = list_store.remove(tx, principal().account_id, list_id)
    if removed is None:
        raise unknown_list()
    return removed


def known_list(tx: Connection, id: UUID) -> Row:
    """The caller's list of this id.

    Raises:
        ApiError: 404.
    """
    found = list_store.get(tx, principal().account_id, id)
    if found is None:
        raise unknown_list()
    return found


def unknown_list() -> ApiError:
    """404."""
    return problem("not_found", "There is no list with this id.")
