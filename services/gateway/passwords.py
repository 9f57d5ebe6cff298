"""Passwords of people: which are good enough, and how they are kept (Argon2id, RFC 9106).

Follows NIST SP 800-63B §3.1.1: length counts, composition rules don't, and what everybody tries is refused.
"""

from __future__ import annotations

import secrets
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from services.gateway.errors import problem

SHORTEST, LONGEST = 10, 200

#: 19 MiB, 2 passes, as OWASP recommends (Password Storage Cheat Sheet). The options of RFC 9106 §4 took four
#: times as long: on a small machine a few sign-ins at once would hold up everybody's mail.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
#: Each takes 19 MiB and cores for tens of milliseconds: logins must not take the machine …
_COMPUTING = threading.Semaphore(2)
#: … nor all threads of a process, by waiting for their turn.
_SEATS = threading.Semaphore(4)

#: What people put into a password when it only has to be long.
_EVERYBODYS = frozenset(
    {
        *("password", "passwort", "passw0rd", "qwertyuiop", "qwertzuiop", "asdfghjkl", "iloveyou", "letmein"),
        *("welcome", "administrator", "changeme", "secret", "mailmatic", "abcdefghij", "1q2w3e4r5t"),
        *("0123456789", "1234567890", "9876543210", "1qaz2wsx3edc", "trustno1", "superman", "dragon"),
    }
)


def fault(password: str, *, email: str = "") -> str | None:
    """Why somebody with this address can't have this password; `None` if they can."""
    text = _normal(password)
    if len(text) < SHORTEST:
        return f"A password has at least {SHORTEST} characters."
    if len(text) > LONGEST:
        return f"A password has at most {LONGEST} characters."
    plain = text.casefold()
    words = [*_EVERYBODYS, *(part for part in (email, *email.split("@")) if len(part) >= 3)]
    rest = min((plain.replace(word.casefold(), "") for word in words), key=len, default=plain)
    if len(rest.strip("0123456789!?.,-_ ")) < 4 or len(set(plain)) < 5:
        return "This password is among the first that somebody would guess."
    return None


def hashed(password: str) -> str:
    """What is stored of `password`.

    Raises:
        ApiError: 503, too many are at it.
    """
    with seat(), _COMPUTING:
        return _HASHER.hash(_normal(password))


def unusable() -> str:
    """What is stored for somebody who has no password yet: the hash of one that nobody knows."""
    return hashed(secrets.token_urlsafe(32))


def matches(stored: str | None, password: str) -> bool:
    """Whether `password` is the one that was stored; without any, no, after the same time.

    Raises:
        ApiError: 503, too many are at it.
    """
    with seat(), _COMPUTING:
        try:
            return _HASHER.verify(stored or _nobodys(), _normal(password)) and bool(stored)
        except (VerifyMismatchError, VerificationError, InvalidHashError):
            return False


@contextmanager
def seat() -> Iterator[None]:
    """One of the few places of a process for requests that take long on purpose.

    Raises:
        ApiError: 503, all are taken.
    """
    if not _SEATS.acquire(blocking=False):
        raise problem("busy", headers={"Retry-After": "1"})
    try:
        yield
    finally:
        _SEATS.release()


def outdated(stored: str) -> bool:
    """Whether `stored` was made with other parameters than today's."""
    return _HASHER.check_needs_rehash(stored)


@cache
def _nobodys() -> str:
    return _HASHER.hash(secrets.token_urlsafe(32))


def _normal(password: str) -> str:
    """The same password however a keyboard composes its characters (RFC 8265 §4.2.2 uses NFC)."""
    return unicodedata.normalize("NFC", password)
