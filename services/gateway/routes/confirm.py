"""The page behind a confirmation link. Looking at it changes nothing: mail scanners look at every link."""

from __future__ import annotations

from html import escape

from flask import Blueprint, Response
from sqlalchemy import select

from services.gateway.opt_in import confirmations
from services.gateway.pages import page
from shared import subscriptions
from shared.confirmations import PATH, Confirmation
from shared.db import transaction
from shared.models import lists
from shared.models import subscriptions as standings

blueprint = Blueprint("confirm", __name__)


@blueprint.get(f"{PATH}<token>")
def question(token: str) -> Response:
    """Asks."""
    found = _found(token)
    if found is None:
        return _gone()
    name, status = found
    if status == subscriptions.SUBSCRIBED:
        return _done(name)
    if status != subscriptions.UNCONFIRMED:
        return _gone()
    form = '<form method="post"><button type="submit">Yes, I want it</button></form>'
    return page("Please confirm", f"<p>Do you want the mail of the list <b>{escape(name)}</b>?</p>{form}")


@blueprint.post(f"{PATH}<token>")
def answer(token: str) -> Response:
    """Puts whoever said yes on the list; once more changes nothing."""
    of = confirmations().read(token)
    found = _found(token)
    if of is None or found is None or found[1] == subscriptions.UNSUBSCRIBED:
        return _gone()
    with transaction() as tx:
        account_id = tx.execute(select(lists.c.account_id).where(lists.c.id == of.list_id)).scalar()
        if account_id:
            subscriptions.confirm(tx, account_id, of.contact_id, [of.list_id])
    return _done(found[0])


def _found(token: str) -> tuple[str, str] | None:
    """The list's name, and the standing of whoever has this token."""
    of: Confirmation | None = confirmations().read(token)
    if of is None:
        return None
    query = (
        select(lists.c.name, standings.c.status)
        .join(standings, standings.c.list_id == lists.c.id)
        .where(lists.c.id == of.list_id, standings.c.contact_id == of.contact_id)
    )
    with transaction() as tx:
        row = tx.execute(query).one_or_none()
    return (row.name, row.status) if row else None


def _done(name: str) -> Response:
    return page("Thank you", f"<p>You are on the list <b>{escape(name)}</b>.</p>")


def _gone() -> Response:
    why = "<p>It is incomplete, or there is nothing to confirm any more.</p>"
    return page("This link leads nowhere", why, 404)
