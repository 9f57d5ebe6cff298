"""Following what was sent."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from services.gateway import views
from services.gateway.auth import principal
from services.gateway.errors import problem
from services.gateway.routes.blueprint import Blueprint
from services.gateway.schemas.emails import EmailListQuerySchema, EmailListSchema, EmailSchema
from shared.db import transaction

blueprint = Blueprint("emails", __name__, url_prefix="/api", description="Follow what was sent.")


@blueprint.operation("/emails", "GET", query=EmailListQuerySchema, answers=(200, EmailListSchema))
def list_emails(query: dict[str, Any]) -> dict[str, Any]:
    """List emails

    Newest first. The next page is the one `after` the last id of this one.
    """
    window = views.Window(query["limit"], query.get("after"), query.get("before"))
    with transaction() as tx:
        rows, has_more = views.email_window(tx, principal().account_id, window, query.get("status"))
    return {"object": "list", "has_more": has_more, "data": rows}


@blueprint.operation("/emails/<uuid:email_id>", "GET", answers=(200, EmailSchema), refuses=("not_found",))
def get_email(email_id: UUID) -> dict[str, Any]:
    """Show an email

    With the state of each of its recipients and everything that happened to it, in order.
    """
    with transaction() as tx:
        found = views.email(tx, principal().account_id, email_id)
    if found is None:
        raise problem("not_found", "There is no email with this id.")
    return found
