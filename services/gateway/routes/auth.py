"""Signing in and out, and one's own password, sessions and account.

Two blueprints, because their doors differ: `doors` are open to everybody, `rooms` to who is signed in.
"""

from __future__ import annotations

import time
from typing import Any

from flask import Response, g, request

from services.gateway import cookies, identity, passwords, sessions, system_mail, users
from services.gateway.auth import actor, client_ip, member_principal, principal
from services.gateway.errors import problem
from services.gateway.limits import check_stranger, count_stranger
from services.gateway.principal import Principal
from services.gateway.routes.blueprint import Blueprint
from services.gateway.routes.once import rendered
from services.gateway.schemas.auth import (
    AccountSchema,
    ChangeAccountSchema,
    ConfirmSchema,
    LoginSchema,
    MeSchema,
    PasswordSchema,
    RegisterSchema,
    ResetSchema,
    SaidSchema,
    SessionListSchema,
)
from services.gateway.scopes import ANY
from services.gateway.sessions import Session
from shared import audit
from shared.addresses import parse_address
from shared.audit import Actor
from shared.db import transaction
from shared.errors import ApiError, FieldError
from shared.settings import settings

doors = Blueprint("doors", __name__, url_prefix="/api", guide="accounts", description="Sign in.")
rooms = Blueprint(
    "rooms", __name__, url_prefix="/api", scope=ANY, guide="accounts", description="One's own account."
)

_ME, _SAID = MeSchema(), SaidSchema()
_SESSION = "session"

#: Seconds after which a request for a token is answered: more than it takes, with such a user or without.
_RESET_SECONDS = 0.25


@doors.operation(
    "/auth/register",
    "POST",
    open_to_all=True,
    body=RegisterSchema,
    answers=(201, MeSchema),
    refuses=("registration_closed", "email_taken", "rate_limit_exceeded", "sessions_unavailable", "busy"),
)
def register(body: dict[str, Any]) -> Response:
    """Make an account

    With its first user, its owner, who is signed in at once. An install may be closed to newcomers; its
    operator makes accounts then.
    """
    if not settings().registration:
        raise problem("registration_closed")
    count_stranger()  # each costs a password hash, and tells whether an address is taken
    email = body["email"]
    hashed = identity.checked_password(body["password"], email.key, "/password")
    sessions.check()  # before there is an account: who is told 503 tries again with the same address
    with transaction() as tx:
        user_id = identity.register(
            tx, email, hashed, name=body["name"], account_name=body["account_name"], ip=client_ip()
        )
    return _signed_in(user_id, 201)


@doors.operation(
    "/auth/login",
    "POST",
    open_to_all=True,
    body=LoginSchema,
    answers=(200, MeSchema),
    refuses=("invalid_login", "rate_limit_exceeded", "sessions_unavailable", "busy"),
)
def log_in(body: dict[str, Any]) -> Response:
    """Sign in

    Sets the session's cookie and answers who one is. Writes that go by the cookie bring `csrf_token` as
    `X-CSRF-Token`.
    """
    # before the password is tried: who has failed too often must not learn that this one is right
    check_stranger()
    try:
        found = identity.sign_in(body["email"], body["password"], client_ip())
    except ApiError as refusal:
        if refusal.code == "invalid_login":
            count_stranger()
        raise
    return _signed_in(found["id"], 200)


@doors.operation(
    "/auth/password-reset",
    "POST",
    open_to_all=True,
    body=ResetSchema,
    answers=(202, SaidSchema),
    refuses=("password_reset_disabled", "rate_limit_exceeded", "busy"),
)
def ask_for_password_reset(body: dict[str, Any]) -> dict[str, Any]:
    """Ask for a new password

    Mails a token, good for an hour and once, to whoever signs in with this address. The answer is the same,
    and takes as long, whether there is somebody or not.
    """
    count_stranger()
    answer_at = time.monotonic() + _RESET_SECONDS
    with passwords.seat():
        with transaction() as tx:
            if not system_mail.is_on(tx):
                raise problem("password_reset_disabled")
        identity.ask_reset(body["email"], client_ip())
        time.sleep(max(0.0, answer_at - time.monotonic()))
    return {"message": "If somebody signs in with this address, a mail is on its way to them."}


@doors.operation(
    "/auth/password-reset/confirm",
    "POST",
    open_to_all=True,
    body=ConfirmSchema,
    answers=(200, SaidSchema),
    refuses=("invalid_token", "rate_limit_exceeded", "busy"),
)
def confirm_password_reset(body: dict[str, Any]) -> dict[str, Any]:
    """Set a password by token

    For who has forgotten theirs, and for who was invited. Every session from before ends.
    """
    count_stranger()
    with transaction() as tx:
        owner = users.of_token(tx, body["token"])
    if owner is None:  # before the hash: a made-up token must not cost one
        raise problem("invalid_token")
    hashed = identity.checked_password(body["password"], owner["email"], "/password")
    with transaction() as tx:
        found = users.redeem(tx, body["token"])
        if found is None:
            raise problem("invalid_token")
        users.set_password(tx, found["id"], hashed)
        by = Actor(found["account_id"], "user", found["id"], client_ip())
        audit.record(tx, by, "user.password_reset", found["id"])
    return {"message": "The password is set. Sign in with it."}


@rooms.operation("/auth/me", "GET", answers=(200, MeSchema))
def show_me() -> dict[str, Any]:
    """Show who is asking

    By session or API key: the account, the user or the credential, and the scopes.
    """
    return _me(principal(), g.get("session"))


@rooms.operation("/auth/logout", "POST", scheme=_SESSION, answers=(204, None))
def log_out() -> Response:
    """Sign out

    The session ends, and with it the cookie's worth.
    """
    session = _own_session()
    sessions.end(session.user_id, session.id)
    with transaction() as tx:
        audit.record(tx, actor(), "user.logged_out", session.user_id)
    return cookies.take_back(Response(status=204))


@rooms.operation(
    "/auth/password",
    "POST",
    scheme=_SESSION,
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
    if not found or not passwords.matches(found["password_hash"], body["current_password"]):
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
    return _signed_in(session.user_id, 200)


@rooms.operation("/auth/sessions", "GET", scheme=_SESSION, answers=(200, SessionListSchema))
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


@rooms.operation("/auth/sessions", "DELETE", scheme=_SESSION, answers=(204, None))
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


@rooms.operation(
    "/auth/sessions/<session_id>", "DELETE", scheme=_SESSION, answers=(204, None), refuses=("not_found",)
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


@rooms.operation("/account", "GET", scope="read", answers=(200, AccountSchema))
def show_account() -> dict[str, Any]:
    """Show the account"""
    with transaction() as tx:
        return identity.account(tx, principal().account_id)


@rooms.operation("/account", "PATCH", scope="admin", body=ChangeAccountSchema, answers=(200, AccountSchema))
def change_account(body: dict[str, Any]) -> dict[str, Any]:
    """Rename the account"""
    account_id = principal().account_id
    with transaction() as tx:
        identity.rename(tx, account_id, body["name"])
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


def _signed_in(user_id: Any, status: int) -> Response:
    """Who one is from now on, with the cookie of a new session."""
    agent = request.headers.get("User-Agent", "")
    secret, session = sessions.begin(user_id, client_ip(), agent)
    with transaction() as tx:
        member = users.member(tx, user_id)
    if member is None:  # removed this very moment
        raise problem("invalid_login")
    response = rendered(_ME, _me(member_principal(member), session), status)
    return cookies.give(response, secret)


def _me(who: Principal, session: Session | None) -> dict[str, Any]:
    with transaction() as tx:
        account = identity.account(tx, who.account_id)
        user = users.get(tx, who.account_id, who.user_id) if who.user_id else None
    credential = None
    if who.credential_id:
        email = parse_address(f"{who.username}@{who.domain}").email
        credential = {"id": who.credential_id, "email": email, "test": who.test}
    return {
        "account": account,
        "user": user,
        "credential": credential,
        "scopes": sorted(who.scopes),
        "csrf_token": session.csrf_token if session else None,
    }
