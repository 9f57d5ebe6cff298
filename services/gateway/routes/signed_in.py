"""The answer to who has just signed in, and to who asks who they are."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response, request

from services.gateway import cookies, identity, sessions, users
from services.gateway.auth import client_ip, member_principal
from services.gateway.errors import problem
from services.gateway.principal import Principal
from services.gateway.routes.once import rendered
from services.gateway.schemas.auth import MeSchema
from services.gateway.sessions import Session
from shared.addresses import parse_address
from shared.db import transaction

_ME = MeSchema()


def sign_in(user_id: UUID, status: int) -> Response:
    """Who one is from now on, with the cookie of a new session."""
    agent = request.headers.get("User-Agent", "")
    secret, session = sessions.begin(user_id, client_ip(), agent)
    with transaction() as tx:
        member = users.member(tx, user_id)
    if member is None:  # removed this very moment
        raise problem("invalid_login")
    response = rendered(_ME, me(member_principal(member), session), status)
    return cookies.give(response, secret)


def me(who: Principal, session: Session | None) -> dict[str, Any]:
    """Who is asking, as MeSchema shows them."""
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
