"""Contacts: the people whom an account writes to."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from services.gateway import contact_store, contact_views
from services.gateway.auth import principal
from services.gateway.contact_store import Person
from services.gateway.errors import problem
from services.gateway.routes.blueprint import Blueprint
from services.gateway.schemas.contacts import (
    ChangeContactSchema,
    ContactPageSchema,
    ContactQuerySchema,
    ContactWithAllSchema,
    HistorySchema,
    NewContactSchema,
)
from services.gateway.windows import Window
from shared import subscriptions
from shared.db import transaction
from shared.errors import ApiError, FieldError
from shared.suppressions import UNSUBSCRIBE, Suppression, suppress

blueprint = Blueprint(
    "contacts",
    __name__,
    url_prefix="/api",
    scope="contacts",
    guide="contacts",
    description="The people whom an account writes to.",
)


@blueprint.operation(
    "/contacts",
    "POST",
    body=NewContactSchema,
    answers=(201, ContactWithAllSchema),
    body_example={"email": "john@example.com", "first_name": "John", "metadata": {"plan": "pro"}},
)
def create_contact(body: dict[str, Any]) -> dict[str, Any]:
    """Create a contact, on no list

    Brings them up to date if the account has them already: what is not given stays.
    """
    person = person_of(body)
    with transaction() as tx:
        ids, _ = contact_store.put(tx, principal().account_id, [person])
        return contact_with_all(tx, ids[person.address.key])


@blueprint.operation("/contacts", "GET", query=ContactQuerySchema, answers=(200, ContactPageSchema))
def list_contacts(query: dict[str, Any]) -> dict[str, Any]:
    """List contacts

    Newest first. The next page is the one `after` the last id of this one.
    """
    email = query.get("email")
    which = contact_views.Filter(
        search=query.get("search"),
        email_key=email.key if email else None,
        list_id=query.get("list_id"),
        status=query.get("status"),
        tag_id=query.get("tag_id"),
    )
    with transaction() as tx:
        rows, has_more = contact_views.window(tx, principal().account_id, Window.of(query), which)
    return {"object": "list", "has_more": has_more, "data": rows}


@blueprint.operation(
    "/contacts/<uuid:contact_id>", "GET", answers=(200, ContactWithAllSchema), refuses=("not_found",)
)
def get_contact(contact_id: UUID) -> dict[str, Any]:
    """Show a contact with their lists and tags"""
    with transaction() as tx:
        return contact_with_all(tx, contact_id)


@blueprint.operation(
    "/contacts/<uuid:contact_id>",
    "PATCH",
    body=ChangeContactSchema,
    answers=(200, ContactWithAllSchema),
    refuses=("not_found", "contact_exists"),
    body_example={"first_name": "Johnny", "metadata": {"plan": "free", "city": None}},
)
def change_contact(body: dict[str, Any], contact_id: UUID) -> dict[str, Any]:
    """Change a contact

    Keys of `metadata` that are not named stay; null takes one away.
    """
    values = {"address" if name == "email" else name: value for name, value in body.items()}
    try:
        with transaction() as tx:
            if values:
                contact_store.change(tx, principal().account_id, contact_id, values)
            return contact_with_all(tx, contact_id)
    except IntegrityError:
        taken = FieldError("/email", "Another contact has this address.")
        raise problem("contact_exists", errors=[taken]) from None


@blueprint.operation(
    "/contacts/<uuid:contact_id>", "DELETE", answers=(200, ContactWithAllSchema), refuses=("not_found",)
)
def delete_contact(contact_id: UUID) -> dict[str, Any]:
    """Delete a contact

    Takes them off all lists; answers with what was deleted. If they had unsubscribed from any, their address
    is suppressed for campaigns: a later import must not bring them back.
    """
    account_id = principal().account_id
    with transaction() as tx:
        found = contact_with_all(tx, contact_id)
        if subscriptions.has_unsubscribed(tx, account_id, contact_id):
            suppress(tx, Suppression(account_id, found["email"], UNSUBSCRIBE, "api"))
        contact_store.remove(tx, account_id, contact_id, email=found["email"])
    return found


@blueprint.operation(
    "/contacts/<uuid:contact_id>/history", "GET", answers=(200, HistorySchema), refuses=("not_found",)
)
def get_contact_history(contact_id: UUID) -> dict[str, Any]:
    """Show what a contact is and was on all lists

    The latest first: since when, by what, and where a campaign made them unsubscribe, which.
    """
    with transaction() as tx:
        contact_with_all(tx, contact_id)
        rows = contact_views.history_of(tx, principal().account_id, contact_id)
    return {"object": "list", "has_more": False, "data": rows}


def contact_with_all(tx: Connection, id: UUID) -> dict[str, Any]:
    """The caller's contact of this id, with lists and tags.

    Raises:
        ApiError: 404.
    """
    account_id = principal().account_id
    found = contact_store.get(tx, account_id, id)
    if found is None:
        raise unknown_contact()
    lists = contact_views.lists_of(tx, account_id, id)
    return {**found, "lists": lists, "tags": contact_views.tags_of(tx, account_id, id)}


def person_of(body: dict[str, Any]) -> Person:
    """What a request says of somebody."""
    return Person(body["email"], body.get("first_name"), body.get("last_name"), body.get("metadata") or {})


def unknown_contact() -> ApiError:
    """404."""
    return problem("not_found", "There is no contact with this id.")
