"""API keys: how they are made, and the only form in which they are kept.

A key is random enough (190 bits) that a plain SHA-256 of it can neither be guessed nor reversed; a slow hash
would cost tens of milliseconds a request and protect nothing.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import string
from dataclasses import dataclass

PREFIX = "mm_"
TEST_PREFIX = "mm_test_"
_ALPHABET = string.ascii_letters + string.digits
_LENGTH = 32
_SHAPE = re.compile(r"mm_[A-Za-z0-9_-]{20,200}")


@dataclass(frozen=True)
class NewKey:
    """A fresh key: `secret` is shown once, the rest is stored."""

    secret: str
    digest: bytes
    prefix: str


def new_key(*, test: bool = False) -> NewKey:
    """A fresh random key."""
    prefix = TEST_PREFIX if test else PREFIX
    secret = prefix + random_text(_LENGTH)
    return NewKey(secret, digest(secret), secret[: len(prefix) + 4])


def random_text(length: int) -> str:
    """Letters and digits, 5.95 bits each."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def digest(key: str) -> bytes:
    """What is stored of `key`: its SHA-256, 32 bytes."""
    return hashlib.sha256(key.encode()).digest()


def looks_like_key(text: str) -> bool:
    """Whether `text` is worth a look-up at all."""
    return _SHAPE.fullmatch(text) is not None
