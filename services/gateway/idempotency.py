"""Idempotency keys: what was executed once under a key is answered again, never executed again.

The claim is a row of the transaction that it protects, so it exists exactly when the change does, and a
concurrent twin waits for it in PostgreSQL. Knows no HTTP: the API, campaigns, imports and SMTP claim alike.
Refuses unusable keys, a key that comes with another request, and a twin that takes longer than a few seconds.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg2.errors
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from services.gateway.errors import problem
from shared.errors import ApiError

#: How long an answer is kept.
KEPT_HOURS = 24
#: How long a request waits for its twin (milliseconds).
_PATIENCE_MS = 3_000

# An RFC 8941 string; without quotes a comma would be two headers made one on the way.
_QUOTED = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"')
_BARE = re.compile(r"[!-+\--~]{1,256}")
_KEY = re.compile(r"[!-~]{1,256}")

_FIND = text(
    """
    SELECT request_hash, status, body FROM idempotency_keys
    WHERE account_id = CAST(:account_id AS uuid) AND route = :route AND key = :key AND expires_at > now()
    """
)

# The insert waits for a twin that is not committed yet, no longer than lock_timeout says; `patience` sets it
# for this transaction before the first row is inserted. A row past its time is taken over as it is.
_KEEP = text(
    f"""
    WITH patience AS MATERIALIZED (SELECT set_config('lock_timeout', '{_PATIENCE_MS}', true))
    INSERT INTO idempotency_keys AS kept (account_id, route, key, request_hash, status, body, expires_at)
    SELECT CAST(:account_id AS uuid), :route, :key, :request_hash, :status, :body,
        now() + interval '{KEPT_HOURS} hours'
    FROM patience
    ON CONFLICT (account_id, route, key) DO UPDATE
        SET request_hash = excluded.request_hash, status = excluded.status, body = excluded.body,
            created_at = now(), expires_at = excluded.expires_at
        WHERE kept.expires_at <= now()
    RETURNING 1
    """  # noqa: S608 - our own numbers
)

_AMEND = text(
    """
    UPDATE idempotency_keys SET status = :status, body = :body
    WHERE account_id = CAST(:account_id AS uuid) AND route = :route AND key = :key
        AND request_hash = :request_hash
    """
)


@dataclass(frozen=True, slots=True)
class Claim:
    """One request under a key. `route` is its method and path template, `request_hash` its `fingerprint`."""

    account_id: UUID
    route: str
    key: str
    request_hash: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What the first request was told: the status of HTTP (or SMTP) and the body, byte for byte."""

    status: int
    body: bytes


class Replayed(Exception):
    """Another request with this key and body was executed: `answer` is what it was told."""

    def __init__(self, answer: Answer) -> None:
        super().__init__("replayed")
        self.answer = answer


def parse_key(values: Sequence[str]) -> str | None:
    """The key that these headers hold (quoted as an RFC 8941 string or bare); `None` without any.

    Raises:
        ApiError: 400; no such key, or different ones.
    """
    keys = {_unquoted(value.strip(" \t")) for value in values}
    if len(keys) > 1:
        raise _invalid("The idempotency key is given twice, with different values.")
    return keys.pop() if keys else None


def fingerprint(target: str, body: Any) -> bytes:
    """SHA-256 of the path `target` and of `body` (any JSON value), whatever the order of its keys."""
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(f"{target}\n{canonical}".encode()).digest()


def find(tx: Connection, claim: Claim) -> Answer | None:
    """What was answered to this claim within its time; `None` if nothing was executed.

    Raises:
        ApiError: 409; the key was used with another request.
    """
    row = tx.execute(
        _FIND, {"account_id": str(claim.account_id), "route": claim.route, "key": claim.key}
    ).one_or_none()
    if row is None:
        return None
    if bytes(row.request_hash) != claim.request_hash:
        raise problem("idempotency_mismatch")
    return Answer(row.status, bytes(row.body))


def keep(tx: Connection, claim: Claim, answer: Answer) -> None:
    """Claims and keeps `answer` in `tx`, which must not commit when this raises.

    Best said before the work, which a twin then does not do in vain; but any moment of `tx` will do.

    Raises:
        Replayed: a twin was faster; its answer is this request's.
        ApiError: 409; a twin is still at it, or the key was used with another request.
    """
    values = {
        "account_id": str(claim.account_id),
        "route": claim.route,
        "key": claim.key,
        "request_hash": claim.request_hash,
        "status": answer.status,
        "body": answer.body,
    }
    try:
        if tx.execute(_KEEP, values).first():
            return
    except OperationalError as error:
        if isinstance(error.orig, psycopg2.errors.LockNotAvailable):
            raise _in_progress() from None
        raise
    twin = find(tx, claim)
    # none: its time ran out between the two statements
    raise Replayed(twin) if twin else _in_progress()


def amend(tx: Connection, claim: Claim, answer: Answer) -> None:
    """Keeps `answer` in place of the one that was kept in a transaction before: there is news."""
    tx.execute(
        _AMEND,
        {
            "account_id": str(claim.account_id),
            "route": claim.route,
            "key": claim.key,
            "request_hash": claim.request_hash,
            "status": answer.status,
            "body": answer.body,
        },
    )


def _unquoted(value: str) -> str:
    quoted = _QUOTED.fullmatch(value)
    key = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else value
    if not (_KEY.fullmatch(key) if quoted else _BARE.fullmatch(key) and not key.startswith('"')):
        raise _invalid()
    return key


def _invalid(sentence: str | None = None) -> ApiError:
    return problem("invalid_idempotency_key", sentence)


def _in_progress() -> ApiError:
    return problem("idempotency_in_progress", headers={"Retry-After": "1"})
