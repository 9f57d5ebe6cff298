"""API keys and the cache of those that were checked."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from uuid import UUID

import pytest

from services.gateway.keys import looks_like_key, new_key
from services.gateway.known_keys import KeyCache
from services.gateway.principal import Principal
from services.gateway.scopes import ALL

ADA = Principal(UUID(int=1), ALL, {"example.com": True}, UUID(int=2), "example.com", "hello")


def test_key_has_its_prefix_and_only_its_digest_is_kept() -> None:
    key = new_key()
    assert key.secret.startswith("mm_")
    assert len(key.secret) == 35
    assert key.digest == hashlib.sha256(key.secret.encode()).digest()
    assert key.secret.startswith(key.prefix)
    assert len(key.prefix) < 10


def test_keys_differ() -> None:
    assert len({new_key().secret for _ in range(1000)}) == 1000


@pytest.mark.parametrize(
    "text", ["", "mm_", "mm_short", "xx_" + "a" * 32, "mm_" + "a" * 32 + " ", "mm_" + "é" * 32]
)
def test_what_is_no_key_is_not_looked_up(text: str) -> None:
    assert not looks_like_key(text)


def test_cache_knows_good_and_bad_keys_apart() -> None:
    cache = KeyCache(10)
    cache.put(b"good", ADA)
    cache.put(b"bad", None)
    assert cache.get(b"good") == (True, ADA)
    assert cache.get(b"bad") == (True, None)
    assert cache.get(b"other") == (False, None)


def test_cache_forgets_the_oldest_when_it_is_full() -> None:
    cache = KeyCache(2)
    for name in (b"a", b"b", b"a", b"c"):
        cache.put(name, ADA)
    assert [cache.get(name)[0] for name in (b"a", b"b", b"c")] == [True, False, True]


def test_cache_forgets_when_the_time_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    cache = KeyCache(2)
    monkeypatch.setattr("services.gateway.known_keys.time.monotonic", lambda: 100.0)
    cache.put(b"a", replace(ADA, active=False))
    # whatever the setting: a revoked key is dead after 5 s
    monkeypatch.setattr("services.gateway.known_keys.time.monotonic", lambda: 105.01)
    assert cache.get(b"a") == (False, None)
