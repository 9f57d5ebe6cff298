"""The people of an account."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response
from sqlalchemy import Connection

from services.gateway import identity, passwords, system_mail, users
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

    Rename, give another role, deactivate or activate. Another role holds from their next request on; who is
    deactivated has no session from that moment on. Credentials they made go on.
    """
    _no_test_key()
    account_id = principal().account_id
    with transaction() as tx:
        owners = users.owners(tx, account_id)
        found = _user(tx, user_id)
        role = body.get("role", found["role"])
        steps_down = role != found["role"] or body.get("active") is False
        if users.OWNER in (role, found["role"]) and (steps_down or "active" in body):
            _only_owners()
        if steps_down and _is_last_owner(found, owners):
            raise problem("last_owner")
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
            if _is_last_owner(found, owners):
                raise problem("last_owner")
        users.remove(tx, account_id, user_id)
        audit.record(tx, actor(), "user.removed", user_id, {"email": found["email"]})
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


def _is_last_owner(user: dict[str, Any], owners: int) -> bool:
    return user["role"] == users.OWNER and user["active"] and owners == 1
