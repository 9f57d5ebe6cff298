"""One person's rights: to be told everything that is kept of them, and to be forgotten."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from services.gateway import contact_views, one_person
from services.gateway.auth import actor, principal
from services.gateway.errors import problem
from services.gateway.routes.blueprint import Blueprint
from services.gateway.routes.contacts import contact_with_all
from services.gateway.schemas.people import ErasedSchema, PersonSchema
from shared import audit, subscriptions
from shared.db import transaction
from shared.suppressions import UNSUBSCRIBE, Suppression, suppress

blueprint = Blueprint(
    "people",
    __name__,
    url_prefix="/api",
    scope="contacts",
    guide="contacts",
    description="One person's rights.",
)


@blueprint.operation(
    "/contacts/<uuid:contact_id>/export", "GET", answers=(200, PersonSchema), refuses=("not_found",)
)
def export_contact(contact_id: UUID) -> dict[str, Any]:
    """Export everything that is kept of a person

    Contact, lists, tags, their history, a suppression, and the latest 1,000 emails to their address.
    """
    account_id = principal().account_id
    with transaction() as tx:
        found = contact_with_all(tx, contact_id)
        return {
            "contact": found,
            "history": contact_views.history_of(tx, account_id, contact_id),
            "emails": one_person.mail_to(tx, account_id, found),
        }


@blueprint.operation(
    "/contacts/<uuid:contact_id>/erase",
    "POST",
    answers=(200, ErasedSchema),
    refuses=("not_found", "mail_under_way"),
)
def erase_contact(contact_id: UUID) -> dict[str, Any]:
    """Erase a person

    The contact, and their address, name and mail in the logs; statistics stay. A suppression of their address
    stays, or is made if they had unsubscribed from anything: without it they might be written to again.
    """
    account_id = principal().account_id
    with transaction() as tx:
        found = contact_with_all(tx, contact_id)
        if one_person.has_mail_under_way(tx, account_id, found):
            raise problem("mail_under_way")
        kept = found["suppression"]
        if kept is None and subscriptions.has_unsubscribed(tx, account_id, contact_id):
            kept = UNSUBSCRIBE
            suppress(tx, Suppression(account_id, found["email"], UNSUBSCRIBE, "api"))
        one_person.erase(tx, account_id, found)
        audit.record(tx, actor(), "contact.erased", contact_id)
    return {"id": contact_id, "erased": True, "suppression": kept}
