"""API key or session → Principal. Keys come as `Authorization: Bearer mm_…` or `X-API-Key: mm_…`, sessions as
a cookie; who shows both is taken for the key.

Refuses with 401 what is missing, malformed, unknown or contradictory, and with 403 a deactivated credential.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from datetime import datetime

from flask import g, request

from services.gateway import known_keys, limits, sessions, users
from services.gateway.cookies import cookie_name
from services.gateway.errors import problem
from services.gateway.known_keys import find_principal
from services.gateway.principal import Principal
from services.gateway.scopes import ROLE_SCOPES
from shared.audit import Actor
from shared.db import transaction
from shared.errors import ApiError
from shared.settings import settings

#: Requests that change nothing need no CSRF token.
_READS = ("GET", "HEAD", "OPTIONS")
_CSRF = "X-CSRF-Token"


def authenticate() -> None:
    """Sets this request's principal, or refuses the request.

    Raises:
        ApiError: 401, 403, or 429 for who is refused too often or asks too much.
        DatabaseUnavailable: the key is not in the cache and Postgres can't be asked.
    """
    try:
        g.principal = _bearer() if _shows_key() else _signed_in()
    except ApiError as refusal:
        if refusal.status in (401, 403):
            limits.count_stranger()
        raise
    limits.admit_principal(g.principal.id)


def require(scopes: Sequence[str]) -> None:
    """Lets in who has one of `scopes`; only behind `authenticate`.

    Raises:
        ApiError: 403, naming the scope that is missing.
    """
    if not principal().scopes.intersection(scopes):
        raise problem("insufficient_scope", f"This needs the scope {scopes[0]}.")


def client_ip() -> str:
    """The address that the request comes from, as the trusted proxies say."""
    return request.remote_addr or "::"


def actor() -> Actor:
    """Who is asking, as the audit log names them; only behind `authenticate`."""
    who = principal()
    kind = "credential" if who.credential_id else "user"
    return Actor(who.account_id, kind, who.id, client_ip())


def check_cron_secret() -> None:
    """Lets in who knows the secret of the cron endpoint: `Authorization: Bearer …` or `X-Cron-Secret: …`.

    Raises:
        ApiError: 401, 403 where the install has no such secret, or 429 for who was wrong too often.
    """
    secret = settings().cron_secret
    if not secret:
        raise problem("cron_disabled")
    limits.check_stranger()
    scheme, _, bearer = request.headers.get("Authorization", "").strip().partition(" ")
    given = bearer.strip() if scheme.lower() == "bearer" else request.headers.get("X-Cron-Secret", "")
    if not hmac.compare_digest(given.encode(), secret.encode()):
        limits.count_stranger()
        raise problem("invalid_cron_secret", headers={"WWW-Authenticate": 'Bearer realm="mailmatic-cron"'})


def principal() -> Principal:
    """Who is asking; only behind `authenticate`."""
    found: Principal = g.principal
    return found


def _bearer() -> Principal:
    found = find_principal(_presented_key(), limits.check_stranger)
    if found is None:
        raise _unauthorized("invalid_api_key", "The API key is not valid.")
    refusal = known_keys.refusal(found, client_ip())
    if refusal and refusal.code == "invalid_api_key":
        raise _unauthorized(refusal.code, refusal.error)
    if refusal:
        raise refusal
    return found


def member_principal(member: users.Member) -> Principal:
    """Somebody who is signed in, as who is asking."""
    return Principal(
        account_id=member.account_id,
        scopes=ROLE_SCOPES[member.role],
        domains=member.domains,
        quotas=member.quotas,
        user_id=member.id,
        role=member.role,
    )


def _shows_key() -> bool:
    return "Authorization" in request.headers or "X-API-Key" in request.headers


def _signed_in() -> Principal:
    secret = request.cookies.get(cookie_name())
    if not secret:
        raise _unauthorized(
            "missing_api_key", "Give your API key as `Authorization: Bearer mm_…`, or sign in."
        )
    session = sessions.find(secret)
    with transaction() as tx:
        member = users.member(tx, session.user_id) if session else None
    # what was signed in before the password changed is void, whatever Redis still knows
    if session is None or member is None or session.created_at < _to_ms(member.password_changed_at):
        raise _unauthorized("invalid_session", "The session has ended. Sign in again.")
    if request.method not in _READS and not sessions.csrf_matches(session, request.headers.get(_CSRF, "")):
        raise problem("csrf_failed")
    g.session = session
    return member_principal(member)


def _to_ms(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _presented_key() -> str:
    bearer = request.headers.get("Authorization", "").strip()
    header = request.headers.get("X-API-Key", "").strip()
    if bearer:
        scheme, _, credentials = bearer.partition(" ")
        if scheme.lower() != "bearer":
            raise _unauthorized("invalid_api_key", "Use `Authorization: Bearer mm_…` or `X-API-Key: mm_…`.")
        bearer = credentials.strip()
    if bearer and header and bearer != header:
        raise _unauthorized("invalid_api_key", "Authorization and X-API-Key hold different keys.")
    if not (bearer or header):
        raise _unauthorized("missing_api_key", "Give your API key as `Authorization: Bearer mm_…`.")
    return bearer or header


def _unauthorized(code: str, sentence: str) -> ApiError:
    challenge = 'Bearer realm="mailmatic"'
    if code == "invalid_api_key":
        challenge += ', error="invalid_token"'
    return problem(code, sentence, headers={"WWW-Authenticate": challenge})
