"""Following what was sent, and holding back what was not."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from services.gateway import schedule, views
from services.gateway.auth import principal
from services.gateway.errors import problem
from services.gateway.routes.blueprint import Blueprint
from services.gateway.schemas.emails import (
    EmailListQuerySchema,
    EmailListSchema,
    EmailSchema,
    RescheduleSchema,
)
from services.gateway.windows import Window
from shared import schedule_index, states
from shared.db import transaction
from shared.errors import ApiError

blueprint = Blueprint(
    "emails",
    __name__,
    url_prefix="/api",
    scope="read",
    guide="sending",
    description="Follow what was sent; move or cancel what is scheduled.",
)


@blueprint.operation("/emails", "GET", query=EmailListQuerySchema, answers=(200, EmailListSchema))
def list_emails(query: dict[str, Any]) -> dict[str, Any]:
    """List emails

    Newest first. The next page is the one `after` the last id of this one.
    """
    window = Window.of(query)
    with transaction() as tx:
        rows, has_more = views.email_window(tx, principal().account_id, window, query.get("status"))
    return {"object": "list", "has_more": has_more, "data": rows}


@blueprint.operation("/emails/<uuid:email_id>", "GET", answers=(200, EmailSchema), refuses=("not_found",))
def get_email(email_id: UUID) -> dict[str, Any]:
    """Show an email

    With the state of each of its recipients and everything that happened to it, in order.
    """
    with transaction() as tx:
        return _email(tx, email_id)


@blueprint.operation(
    "/emails/<uuid:email_id>",
    "PATCH",
    guide="scheduling",
    body=RescheduleSchema,
    answers=(200, EmailSchema),
    refuses=("not_found", "not_scheduled"),
    scope="send",
)
def reschedule_email(body: dict[str, Any], email_id: UUID) -> dict[str, Any]:
    """Reschedule an email

    Possible while its status is `scheduled`.
    """
    with transaction() as tx:
        moved = schedule.reschedule(tx, principal().account_id, email_id, body["send_at"])
        email = _email(tx, email_id)
    if not moved:
        raise _too_late(email)
    schedule_index.note([body["send_at"]])
    return email


@blueprint.operation(
    "/emails/<uuid:email_id>",
    "DELETE",
    guide="scheduling",
    answers=(200, EmailSchema),
    refuses=("not_found", "not_scheduled"),
    scope="send",
)
def cancel_email(email_id: UUID) -> dict[str, Any]:
    """Cancel a scheduled email

    Possible while its status is `scheduled`; it stays in the log as `cancelled`. Cancelling it again changes
    nothing and answers the same.
    """
    with transaction() as tx:
        schedule.cancel(tx, principal().account_id, email_id)
        email = _email(tx, email_id)
    if email["status"] != states.CANCELLED:
        raise _too_late(email)
    return email


def _email(tx: Connection, email_id: UUID) -> dict[str, Any]:
    found = views.email(tx, principal().account_id, email_id)
    if found is None:
        raise problem("not_found", "There is no email with this id.")
    return found


def _too_late(email: dict[str, Any]) -> ApiError:
    return problem("not_scheduled", f"The email is not scheduled: its status is {email['status']}.")
