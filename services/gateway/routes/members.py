"""Who is on a list: added, shown, taken off, one by one and by the thousand."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from services.gateway import contact_store, contact_views, opt_in
from services.gateway.auth import principal
from services.gateway.one_insert import Row
from services.gateway.routes.blueprint import Blueprint
from services.gateway.routes.contacts import contact_with_all, person_of
from services.gateway.routes.lists import known_list
from services.gateway.schemas.contacts import (
    AddedSchema,
    ChangedSchema,
    ContactWithAllSchema,
    MemberPageSchema,
    MemberQuerySchema,
    NewMemberSchema,
    NewMembersSchema,
    SomeContactsSchema,
)
from services.gateway.windows import Window
from shared import subscriptions
from shared.db import transaction

blueprint = Blueprint(
    "members",
    __name__,
    url_prefix="/api",
    scope="contacts",
    guide="contacts",
    description="Who is on a list.",
)

_SOURCE = "api"


@blueprint.operation(
    "/lists/<uuid:list_id>/contacts",
    "POST",
    body=NewMemberSchema,
    answers=(201, ContactWithAllSchema),
    refuses=("not_found",),
    body_example={"email": "john@example.com", "first_name": "John", "last_name": "Doe"},
)
def add_contact_to_list(body: dict[str, Any], list_id: UUID) -> dict[str, Any]:
    """Put somebody on a list

    Adds the contact, or brings them up to date if the account has them already: what is not given stays.
    On a list with double opt-in they are `unconfirmed`, and get a mail with a link by which they confirm.
    Who has unsubscribed from the list stays so, unless `resubscribe` is true.
    """
    account_id, person = principal().account_id, person_of(body)
    with transaction() as tx:
        found = known_list(tx, list_id)
        ids, _ = contact_store.put(tx, account_id, [person])
        contact_id = ids[person.address.key]
        _subscribe(tx, found, [contact_id], again=body["resubscribe"])
        return contact_with_all(tx, contact_id)


@blueprint.operation(
    "/lists/<uuid:list_id>/contacts",
    "GET",
    query=MemberQuerySchema,
    answers=(200, MemberPageSchema),
    refuses=("not_found",),
)
def list_contacts_of_list(query: dict[str, Any], list_id: UUID) -> dict[str, Any]:
    """List who is on a list

    The contact made last first, whatever their standing. The next page is the one `after` the last id of
    this one.
    """
    which = contact_views.Filter(search=query.get("search"), status=query.get("status"))
    with transaction() as tx:
        known_list(tx, list_id)
        rows, has_more = contact_views.members(tx, principal().account_id, list_id, Window.of(query), which)
    return {"object": "list", "has_more": has_more, "data": rows}


@blueprint.operation(
    "/lists/<uuid:list_id>/contacts/batch",
    "POST",
    body=NewMembersSchema,
    answers=(200, AddedSchema),
    refuses=("not_found",),
)
def add_contacts_to_list(body: dict[str, Any], list_id: UUID) -> dict[str, Any]:
    """Put up to 1,000 on a list

    As one by one; of an address that occurs twice the last counts. All of them or, where one is at fault,
    none.
    """
    account_id = principal().account_id
    with transaction() as tx:
        found = known_list(tx, list_id)
        ids, added = contact_store.put(tx, account_id, [person_of(item) for item in body["contacts"]])
        changed = _subscribe(tx, found, ids.values(), again=body["resubscribe"])
    return {"added": added, "updated": len(ids) - added, "subscribed": len(changed)}


@blueprint.operation(
    "/lists/<uuid:list_id>/contacts/unsubscribe",
    "POST",
    body=SomeContactsSchema,
    answers=(200, ChangedSchema),
    refuses=("not_found",),
)
def unsubscribe_from_list(body: dict[str, Any], list_id: UUID) -> dict[str, int]:
    """Unsubscribe up to 1,000 from a list

    They stay on it as `unsubscribed`, and no import puts them back. Who is not on it is passed over.
    """
    account_id = principal().account_id
    with transaction() as tx:
        known_list(tx, list_id)
        ids = contact_store.ids_of(tx, account_id, body["contact_ids"], body["emails"])
        changed = subscriptions.unsubscribe(tx, account_id, ids, [list_id], _SOURCE)
    return {"changed": len(changed)}


@blueprint.operation(
    "/lists/<uuid:list_id>/contacts/remove",
    "POST",
    body=SomeContactsSchema,
    answers=(200, ChangedSchema),
    refuses=("not_found",),
)
def remove_from_list(body: dict[str, Any], list_id: UUID) -> dict[str, int]:
    """Take up to 1,000 off a list

    As if they had never been on it. Who has unsubscribed stays on it as such: else the next import would put
    them back. The contacts themselves stay.
    """
    account_id = principal().account_id
    with transaction() as tx:
        known_list(tx, list_id)
        ids = contact_store.ids_of(tx, account_id, body["contact_ids"], body["emails"])
        changed = subscriptions.remove(tx, account_id, list_id, ids, _SOURCE)
    return {"changed": changed}


@blueprint.operation(
    "/lists/<uuid:list_id>/contacts/<uuid:contact_id>",
    "DELETE",
    answers=(200, ContactWithAllSchema),
    refuses=("not_found",),
)
def remove_contact_from_list(list_id: UUID, contact_id: UUID) -> dict[str, Any]:
    """Take somebody off a list

    Answers with the contact as it is then. Who has unsubscribed stays on it as such.
    """
    with transaction() as tx:
        known_list(tx, list_id)
        contact_with_all(tx, contact_id)
        subscriptions.remove(tx, principal().account_id, list_id, [contact_id], _SOURCE)
        return contact_with_all(tx, contact_id)


def _subscribe(tx: Connection, found: Row, ids: Collection[UUID], *, again: bool) -> set[UUID]:
    """Those whose standing changed; where the list has double opt-in they are asked whether they want it."""
    who, confirmed = principal(), found["opt_in"] == "single"
    changed = subscriptions.subscribe(
        tx, who.account_id, found["id"], ids, _SOURCE, confirmed=confirmed, again=again
    )
    if not confirmed:
        opt_in.ask(tx, who, found, changed)
    return changed
