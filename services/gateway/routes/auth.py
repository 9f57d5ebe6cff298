"""Who is signed in: one's own password, sessions and account."""

from __future__ import annotations

from typing import Any

from flask import Response, g

from services.gateway import cookies, identity, sessions, users
from services.gateway.auth import actor, principal
from services.gateway.errors import problem
from services.gateway.limits import count_stranger
from services.gateway.passwords import matches
from services.gateway.routes.blueprint import SESSION, Blueprint
from services.gateway.routes.signed_in import me, sign_in
from services.gateway.schemas.auth import (
    AccountSchema,
    ChangeAccountSchema,
    MeSchema,
    PasswordSchema,
    SessionListSchema,
)
from services.gateway.scopes import ANY
from services.gateway.sessions import Session
from shared import audit
from shared.db import transaction
from shared.errors import FieldError

blueprint = Blueprint(
    "auth", __name__, url_prefix="/api", scope=ANY, guide="accounts", description="One's own account."
)


@blueprint.operation("/auth/me", "GET", answers=(200, MeSchema))
def show_me() -> dict[str, Any]:
    """Show who is asking

    By session or API key: the account, the user or the credential, and the scopes.
    """
    return me(principal(), g.get("session"))


@blueprint.operation("/auth/logout", "POST", scheme=SESSION, answers=(204, None))
def log_out() -> Response:
    """Sign out

    The session ends, and with it the cookie's worth.
    """
    session = _own_session()
    sessions.end(session.user_id, session.id)
    with transaction() as tx:
        audit.record(tx, actor(), "user.logged_out", session.user_id)
    return cookies.take_back(Response(status=204))


@blueprint.operation(
    "/auth/password",
    "POST",
    scheme=SESSION,
    body=PasswordSchema,
    answers=(200, MeSchema),
    refuses=("invalid_login", "rate_limit_exceeded", "busy"),
)
def change_password(body: dict[str, Any]) -> Response:
    """Change one's password

    All sessions end but this one, which gets another cookie.
    """
    session = _own_session()
    with transaction() as tx:
        member = users.member(tx, session.user_id)
        found = member and users.by_email(tx, member.email)
    if found:
        identity.admit_attempt(found["email"])
    if not found or not matches(found["password_hash"], body["current_password"]):
        if found:
            identity.count_failure(found["email"])
        count_stranger()
        wrong = FieldError("/current_password", "This is not the present password.")
        raise problem("invalid_login", wrong.detail, [wrong])
    hashed = identity.checked_password(body["new_password"], found["email"], "/new_password")
    with transaction() as tx:
        users.set_password(tx, session.user_id, hashed)
        audit.record(tx, actor(), "user.password_changed", session.user_id)
    sessions.end_all(session.user_id)
    return sign_in(session.user_id, 200)


@blueprint.operation("/auth/sessions", "GET", scheme=SESSION, answers=(200, SessionListSchema))
def list_sessions() -> dict[str, Any]:
    """List one's sessions"""
    own = _own_session()
    found = sessions.of_user(own.user_id)
    data = [
        {"id": item.id, "current": item.id == own.id, "ip": item.ip, "agent": item.agent}
        | {"created_at": item.created_at}
        for item in found
    ]
    return {"object": "list", "data": data}


@blueprint.operation("/auth/sessions", "DELETE", scheme=SESSION, answers=(204, None))
def end_other_sessions() -> Response:
    """End all other sessions

    One's own, but this one.
    """
    own = _own_session()
    ended = sessions.end(
        own.user_id, *(item.id for item in sessions.of_user(own.user_id) if item.id != own.id)
    )
    _note_ended(own, ended)
    return Response(status=204)


@blueprint.operation(
    "/auth/sessions/<session_id>", "DELETE", scheme=SESSION, answers=(204, None), refuses=("not_found",)
)
def end_session(session_id: str) -> Response:
    """End a session

    One's own, on whichever device.
    """
    own = _own_session()
    ended = sessions.end(own.user_id, session_id)
    if not ended:
        raise problem("not_found", "There is no session with this id.")
    _note_ended(own, ended)
    return Response(status=204)


@blueprint.operation("/account", "GET", scope="read", answers=(200, AccountSchema))
def show_account() -> dict[str, Any]:
    """Show the account"""
    with transaction() as tx:
        return identity.account(tx, principal().account_id)


@blueprint.operation(
    "/account", "PATCH", scope="admin", body=ChangeAccountSchema, answers=(200, AccountSchema)
)
def change_account(body: dict[str, Any]) -> dict[str, Any]:
    """Change the account

    Its name, the postal address that is shown below what campaigns send, and for how long it keeps what.
    """
    account_id = principal().account_id
    if "postal_address" in body:
        body["postal_address"] = (body["postal_address"] or "").strip() or None
    with transaction() as tx:
        identity.change_account(tx, account_id, body)
        audit.record(tx, actor(), "account.updated", account_id, body)
        return identity.account(tx, account_id)


def _note_ended(own: Session, ended: int) -> None:
    if ended:
        with transaction() as tx:
            audit.record(tx, actor(), "user.sessions_ended", own.user_id, {"ended": ended})


def _own_session() -> Session:
    session: Session | None = g.get("session")
    if session is None:
        raise problem("session_required")
    return session
