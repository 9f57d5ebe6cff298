"""Tags: made, changed, put on contacts and taken off them, one by one and by the thousand."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from services.gateway import contact_store, tag_store
from services.gateway.auth import principal
from services.gateway.errors import problem
from services.gateway.one_insert import Row
from services.gateway.routes.blueprint import Blueprint
from services.gateway.routes.contacts import contact_with_all
from services.gateway.schemas.contacts import ChangedSchema, ContactWithAllSchema, SomeContactsSchema
from services.gateway.schemas.tags import (
    ChangeTagSchema,
    NewTagSchema,
    TagIdsSchema,
    TagPageSchema,
    TagSchema,
    TagWithCountSchema,
)
from services.gateway.schemas.windows import WindowQuerySchema
from services.gateway.windows import Window
from shared.db import transaction
from shared.errors import ApiError, FieldError

blueprint = Blueprint(
    "tags",
    __name__,
    url_prefix="/api",
    scope="contacts",
    guide="contacts",
    description="Marks on contacts.",
)


@blueprint.operation(
    "/tags",
    "POST",
    body=NewTagSchema,
    answers=(201, TagSchema),
    refuses=("tag_name_taken",),
    body_example={"name": "VIP", "color": "#3B82F6"},
)
def create_tag(body: dict[str, Any]) -> Row:
    """Create a tag"""
    with transaction() as tx:
        return tag_store.create(tx, principal().account_id, body)


@blueprint.operation("/tags", "GET", query=WindowQuerySchema, answers=(200, TagPageSchema))
def list_tags(query: dict[str, Any]) -> dict[str, Any]:
    """List tags

    Newest first. The next page is the one `after` the last id of this one.
    """
    with transaction() as tx:
        rows, has_more = tag_store.window(tx, principal().account_id, Window.of(query))
    return {"object": "list", "has_more": has_more, "data": rows}


@blueprint.operation("/tags/<uuid:tag_id>", "GET", answers=(200, TagWithCountSchema), refuses=("not_found",))
def get_tag(tag_id: UUID) -> Row:
    """Show a tag, and how many have it"""
    with transaction() as tx:
        found = _tag(tx, tag_id)
        return {**found, "contacts": tag_store.contacts_with(tx, principal().account_id, tag_id)}


@blueprint.operation(
    "/tags/<uuid:tag_id>",
    "PATCH",
    body=ChangeTagSchema,
    answers=(200, TagSchema),
    refuses=("not_found", "tag_name_taken"),
    body_example={"color": "#EF4444"},
)
def change_tag(body: dict[str, Any], tag_id: UUID) -> Row:
    """Change a tag"""
    with transaction() as tx:
        found = _tag(tx, tag_id)
        return (tag_store.change(tx, principal().account_id, tag_id, body) if body else None) or found


@blueprint.operation(
    "/tags/<uuid:tag_id>", "DELETE", answers=(200, TagSchema), refuses=("not_found", "tag_in_use")
)
def delete_tag(tag_id: UUID) -> Row:
    """Delete a tag

    Takes it off everybody; answers with what was deleted. Refused while a campaign that is scheduled or under
    way goes to those who have it, or leaves them out.
    """
    with transaction() as tx:
        if tag_store.is_in_use(tx, principal().account_id, tag_id):
            raise problem("tag_in_use")
        removed = tag_store.remove(tx, principal().account_id, tag_id)
    if removed is None:
        raise _unknown()
    return removed


@blueprint.operation(
    "/tags/<uuid:tag_id>/contacts",
    "POST",
    body=SomeContactsSchema,
    answers=(200, ChangedSchema),
    refuses=("not_found",),
)
def tag_contacts(body: dict[str, Any], tag_id: UUID) -> dict[str, int]:
    """Put a tag on up to 1,000 contacts

    By id or address; those that the account has not are passed over.
    """
    account_id = principal().account_id
    with transaction() as tx:
        _tag(tx, tag_id)
        ids = contact_store.ids_of(tx, account_id, body["contact_ids"], body["emails"])
        return {"changed": tag_store.attach(tx, account_id, [tag_id], ids)}


@blueprint.operation(
    "/tags/<uuid:tag_id>/contacts/remove",
    "POST",
    body=SomeContactsSchema,
    answers=(200, ChangedSchema),
    refuses=("not_found",),
)
def untag_contacts(body: dict[str, Any], tag_id: UUID) -> dict[str, int]:
    """Take a tag off up to 1,000 contacts"""
    account_id = principal().account_id
    with transaction() as tx:
        _tag(tx, tag_id)
        ids = contact_store.ids_of(tx, account_id, body["contact_ids"], body["emails"])
        return {"changed": tag_store.detach(tx, account_id, tag_id, ids)}


@blueprint.operation(
    "/contacts/<uuid:contact_id>/tags",
    "POST",
    body=TagIdsSchema,
    answers=(200, ContactWithAllSchema),
    refuses=("not_found", "validation_error"),
)
def add_tags_to_contact(body: dict[str, Any], contact_id: UUID) -> dict[str, Any]:
    """Put tags on a contact"""
    account_id, ids = principal().account_id, body["tag_ids"]
    with transaction() as tx:
        contact_with_all(tx, contact_id)
        known = tag_store.known(tx, account_id, ids)
        unknown = [
            FieldError(f"/tag_ids/{at}", "There is no tag with this id.")
            for at, id in enumerate(ids)
            if id not in known
        ]
        if unknown:
            raise problem("validation_error", errors=unknown)
        tag_store.attach(tx, account_id, ids, [contact_id])
        return contact_with_all(tx, contact_id)


@blueprint.operation(
    "/contacts/<uuid:contact_id>/tags/<uuid:tag_id>",
    "DELETE",
    answers=(200, ContactWithAllSchema),
    refuses=("not_found",),
)
def remove_tag_from_contact(contact_id: UUID, tag_id: UUID) -> dict[str, Any]:
    """Take a tag off a contact

    Answers with the contact as it is then, whether they had it or not.
    """
    with transaction() as tx:
        _tag(tx, tag_id)
        contact_with_all(tx, contact_id)
        tag_store.detach(tx, principal().account_id, tag_id, [contact_id])
        return contact_with_all(tx, contact_id)


def _tag(tx: Connection, id: UUID) -> Row:
    found = tag_store.get(tx, principal().account_id, id)
    if found is None:
        raise _unknown()
    return found


def _unknown() -> ApiError:
    return problem("not_found", "There is no tag with this id.")
