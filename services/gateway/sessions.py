"""Sessions of people who signed in: kept in Redis under a digest of the cookie's secret.

A session says who and since when, nothing of what they may do: that is asked of Postgres, so a changed role
or password tells at once. Refuses to guess while Redis is away: who shows a cookie is told to come back.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import redis

from services.gateway.errors import problem
from shared.redis import client
from shared.settings import settings

#: The longest description of a client that is kept (characters).
_MOST_OF_AGENT = 200


@dataclass(frozen=True, slots=True)
class Session:
    """One sign-in of a user. `id` names it without giving it away; `csrf_token` goes with its writes."""

    id: str
    user_id: UUID
    created_at: datetime
    ip: str
    agent: str
    csrf_token: str = ""


def begin(user_id: UUID, ip: str, agent: str) -> tuple[str, Session]:
    """Begins a session; returns the cookie's secret, which is kept nowhere, and the session.

    Raises:
        ApiError: 503, Redis is away.
    """
    secret = secrets.token_urlsafe(32)
    id, moment = _digest(secret), round(time.time(), 3)
    value: dict[str, str | float] = {
        "user": str(user_id),
        "at": moment,
        "ip": ip,
        "agent": agent[:_MOST_OF_AGENT],
    }
    config = settings()
    with _redis() as scratchpad, scratchpad.pipeline() as pipe:
        pipe.set(_key(id), json.dumps(value), ex=config.session_idle_seconds)
        pipe.sadd(_index(user_id), id)
        pipe.expire(_index(user_id), config.session_longest_seconds)
        pipe.execute()
    return secret, _session(id, value, secret)


def check() -> None:
    """Raises 503 if no session can begin now."""
    with _redis() as scratchpad:
        scratchpad.ping()


def find(secret: str) -> Session | None:
    """The session of a cookie, which goes on for another while; `None`: there is none, or not any more.

    Raises:
        ApiError: 503, Redis is away.
    """
    id = _digest(secret)
    with _redis() as scratchpad:
        found = scratchpad.getex(_key(id), ex=settings().session_idle_seconds)
    session = _session(id, json.loads(str(found)), secret) if found else None
    if session and time.time() - session.created_at.timestamp() > settings().session_longest_seconds:
        end(session.user_id, id)
        return None
    return session


def of_user(user_id: UUID) -> list[Session]:
    """A user's sessions, the newest first; raises 503 while Redis is away."""
    with _redis() as scratchpad:
        ids = [str(id) for id in scratchpad.smembers(_index(user_id))]
        values = scratchpad.mget([_key(id) for id in ids]) if ids else []
        ended = [id for id, value in zip(ids, values, strict=True) if value is None]
        if ended:
            scratchpad.srem(_index(user_id), *ended)
    found = [_session(id, json.loads(str(value)), "") for id, value in zip(ids, values, strict=True) if value]
    return sorted(found, key=lambda session: session.created_at, reverse=True)


def end(user_id: UUID, *ids: str) -> int:
    """Ends sessions of a user; returns how many there were. Raises 503 while Redis is away."""
    if not ids:
        return 0
    with _redis() as scratchpad:
        mine = [id for id in ids if scratchpad.srem(_index(user_id), id)]
        if mine:
            scratchpad.delete(*(_key(id) for id in mine))
    return len(mine)


def end_all(user_id: UUID) -> None:
    """Ends every session of a user. Raises 503 while Redis is away."""
    end(user_id, *(session.id for session in of_user(user_id)))


def csrf_matches(session: Session, given: str) -> bool:
    """Whether a request brought the session's own CSRF token."""
    return hmac.compare_digest(session.csrf_token.encode(), given.encode())


@contextmanager
def _redis() -> Iterator[redis.Redis]:
    """Redis; whoever asks it in vain is told to come back."""
    try:
        yield client()
    except redis.RedisError:
        raise problem("sessions_unavailable", headers={"Retry-After": "2"}) from None


def _session(id: str, value: dict[str, str | float], secret: str) -> Session:
    return Session(
        id=id,
        user_id=UUID(str(value["user"])),
        created_at=datetime.fromtimestamp(float(value["at"]), UTC),
        ip=str(value["ip"]),
        agent=str(value["agent"]),
        csrf_token=_csrf(secret) if secret else "",
    )


def _csrf(secret: str) -> str:
    """Who has the secret could make it; a page of another site, which has the cookie sent, can't."""
    return hmac.digest(secret.encode(), b"csrf", "sha256").hex()


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _key(id: str) -> str:
    return f"session:{id}"


def _index(user_id: UUID) -> str:
    return f"sessions:{user_id}"
