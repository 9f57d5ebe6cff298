"""The doors: registering, signing in, and setting a password by token. Open to everybody."""

from __future__ import annotations

import time
from typing import Any

from flask import Response

from services.gateway import identity, passwords, sessions, system_mail, users
from services.gateway.auth import client_ip
from services.gateway.errors import problem
from services.gateway.limits import check_stranger, count_stranger
from services.gateway.routes.blueprint import Blueprint
from services.gateway.routes.signed_in import sign_in
from services.gateway.schemas.auth import (
    ConfirmSchema,
    LoginSchema,
    MeSchema,
    RegisterSchema,
    ResetSchema,
    SaidSchema,
)
from shared import audit
from shared.audit import Actor
from shared.db import transaction
from shared.errors import ApiError
from shared.settings import settings

blueprint = Blueprint("doors", __name__, url_prefix="/api", guide="accounts", description="Sign in.")

#: Seconds after which a request for a token is answered: more than it takes, with such a user or without.
_RESET_SECONDS = 0.25


@blueprint.operation(
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
    return sign_in(user_id, 201)


@blueprint.operation(
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
    return sign_in(found["id"], 200)


@blueprint.operation(
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


@blueprint.operation(
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
