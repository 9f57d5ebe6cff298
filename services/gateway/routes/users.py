"""The people of an account."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response
from sqlalchemy import Connection

from services.gateway import identity, passwords, sessions, system_mail, users
from services.gateway.auth import actor, principal
from services.gateway.errors import problem
from services.gateway.routes.blueprint import Blueprint
from services.gateway.schemas.users import (
    ChangeUserSchema,
    InvitedSchema,
    NewUserSchema,
    UserListSchema,
    UserSchema,
)
from services.gateway.schemas.windows import WindowQuerySchema
from services.gateway.windows import Window
from shared import audit
from shared.db import transaction
from shared.errors import ApiError

blueprint = Blueprint(
    "users", __name__, url_prefix="/api", scope="admin", guide="accounts", description="People and roles."
)

_REFUSES = ("owners_only", "scope_exceeded")


@blueprint.operation("/users", "GET", query=WindowQuerySchema, answers=(200, UserListSchema))
def list_users(query: dict[str, Any]) -> dict[str, Any]:
    """List users

    Newest first. The next page is the one `after` the last id of this one.
    """
    with transaction() as tx:
        rows, has_more = users.page(tx, principal().account_id, Window.of(query))
    return {"object": "list", "has_more": has_more, "data": rows}


@blueprint.operation(
    "/users",
    "POST",
    body=NewUserSchema,
    answers=(201, InvitedSchema),
    refuses=("email_taken", "busy", *_REFUSES),
)
def invite_user(body: dict[str, Any]) -> dict[str, Any]:
    """Invite a user

    They get a mail with a token by which to set a password. An install that sends no mail of its own gives
    the token in this answer instead, once.
    """
    _no_test_key()
    if body["role"] == users.OWNER:
        _only_owners()
    who, email = principal(), body["email"]
    hashed = passwords.unusable()
    with transaction() as tx:
        made = users.create(
            tx, who.account_id, email.key, name=body["name"], role=body["role"], password_hash=hashed
        )
        if made is None:
            raise problem("email_taken")
        token: str | None = users.new_token(tx, made, users.INVITATION_SECONDS)
        if token and system_mail.is_on(tx):
            account = identity.account(tx, who.account_id)["name"]
            system_mail.send(tx, email, "Your invitation", identity.invitation_text(account, token))
            token = None
        audit.record(tx, actor(), "user.invited", made, {"email": email.key, "role": body["role"]})
        return {**_user(tx, made), "invitation_token": token}


@blueprint.operation("/users/<uuid:user_id>", "GET", answers=(200, UserSchema), refuses=("not_found",))
def get_user(user_id: UUID) -> dict[str, Any]:
    """Show a user"""
    with transaction() as tx:
        return _user(tx, user_id)


@blueprint.operation(
    "/users/<uuid:user_id>",
    "PATCH",
    body=ChangeUserSchema,
    answers=(200, UserSchema),
    refuses=("not_found", "last_owner", *_REFUSES),
)
def change_user(body: dict[str, Any], user_id: UUID) -> dict[str, Any]:
    """Change a user

    Another role holds from their next request on.
    """
    _no_test_key()
    account_id = principal().account_id
    with transaction() as tx:
        owners = users.owners(tx, account_id)
        found = _user(tx, user_id)
        role = body.get("role", found["role"])
        if users.OWNER in (role, found["role"]) and role != found["role"]:
            _only_owners()
        if found["role"] == users.OWNER != role and owners == 1:
            raise _last_owner()
        if body:
            users.change(tx, account_id, user_id, body)
            audit.record(tx, actor(), "user.updated", user_id, body)
        return _user(tx, user_id)


@blueprint.operation(
    "/users/<uuid:user_id>",
    "DELETE",
    answers=(204, None),
    refuses=("not_found", "last_owner", *_REFUSES),
)
def remove_user(user_id: UUID) -> Response:
    """Remove a user

    Their sessions end at once. Credentials they made go on.
    """
    _no_test_key()
    account_id = principal().account_id
    with transaction() as tx:
        owners = users.owners(tx, account_id)
        found = _user(tx, user_id)
        if found["role"] == users.OWNER:
            _only_owners()
            if owners == 1:
                raise _last_owner()
        users.remove(tx, account_id, user_id)
        audit.record(tx, actor(), "user.removed", user_id, {"email": found["email"]})
    sessions.end_all(user_id)
    return Response(status=204)


def _user(tx: Connection, user_id: UUID) -> dict[str, Any]:
    found = users.get(tx, principal().account_id, user_id)
    if found is None:
        raise problem("not_found", "There is no user with this id.")
    return found


def _no_test_key() -> None:
    """A token of an invitation would make a live admin of who has a key that may send nothing."""
    if principal().test:
        raise problem("scope_exceeded", "A test key has nothing to do with users.")


def _only_owners() -> None:
    if principal().role != users.OWNER:
        raise problem("owners_only")


def _last_owner() -> ApiError:
    return problem("last_owner")
