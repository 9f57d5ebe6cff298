"""API keys and SMTP logins → Principal. What was checked, good or bad, is remembered in process for at most
5 s: that is how long a revoked key may live. Knows neither HTTP nor SMTP.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import ip_address
from threading import Lock
from uuid import UUID

from sqlalchemy import Connection

from services.gateway import queries
from services.gateway.errors import problem
from services.gateway.keys import digest, looks_like_key
from services.gateway.principal import Principal
from services.gateway.queries import KeyRow
from shared.clock import now
from shared.db import DatabaseUnavailable, transaction
from shared.errors import ApiError
from shared.observability import get_logger
from shared.settings import settings

log = get_logger("auth")

#: A revoked key dies within this many seconds, whatever the setting says.
_LONGEST_CACHE = 5.0


class KeyCache:
    """Digests of keys and what they are worth, for seconds. Bounded: the oldest goes first."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: OrderedDict[bytes, tuple[float, Principal | None]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: bytes) -> tuple[bool, Principal | None]:
        """Whether `key` is known, and whose it is."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None or entry[0] < time.monotonic():
                return False, None
            return True, entry[1]

    def lately(self, key: bytes) -> bool:
        """Whether `key` was remembered before, even if that must not be trusted any more."""
        with self._lock:
            return key in self._entries

    def put(self, key: bytes, principal: Principal | None) -> None:
        """Remembers `key` for as long as the settings say."""
        seconds = min(settings().key_cache_seconds, _LONGEST_CACHE)
        with self._lock:
            self._entries[key] = (time.monotonic() + seconds, principal)
            self._entries.move_to_end(key)
            while len(self._entries) > self._size:
                self._entries.popitem(last=False)


# apart, so that a flood of made-up keys can't push real ones out
_known = KeyCache(10_000)
_unknown = KeyCache(10_000)


def find_principal(key: str, before_lookup: Callable[[], None] = lambda: None) -> Principal | None:
    """Whose key this is, active or not; `None` if nobody's.

    Args:
        before_lookup: called before Postgres is asked about a key that was not good lately; may raise.
    """
    if not looks_like_key(key):
        return None
    hashed = digest(key)
    return _find(hashed, hashed, lambda tx: queries.credential_by_key(tx, hashed), before_lookup)


def find_login(
    username: str, password_hash: bytes, before_lookup: Callable[[], None] = lambda: None
) -> Principal | None:
    """Whose SMTP login this is, active or not; `None` if nobody's.

    Args:
        password_hash: `keys.digest` of the password.
        before_lookup: as with `find_principal`.
    """
    known_as = hashlib.sha256(b"smtp\0" + username.encode() + b"\0" + password_hash).digest()
    return _find(
        known_as, password_hash, lambda tx: queries.credential_by_smtp_username(tx, username), before_lookup
    )


def refusal(found: Principal, address: str) -> ApiError | None:
    """Why a credential that was found can't be used from `address` now, or `None`."""
    if found.expires_at and found.expires_at <= now():
        return problem("invalid_api_key", "The API key has expired.")
    if not found.active:
        return problem("inactive_credential")
    if not found.may_come_from(ip_address(address)):
        return problem("ip_not_allowed", f"This API key may not be used from {address}.")
    return None


def _find(
    known_as: bytes,
    secret_hash: bytes,
    look_up: Callable[[Connection], KeyRow | None],
    before_lookup: Callable[[], None],
) -> Principal | None:
    for cache in (_known, _unknown):
        hit, found = cache.get(known_as)
        if hit:
            return found
    # a good key passes even where others at its address try bad ones
    if not _known.lately(known_as):
        before_lookup()
    with transaction() as tx:
        row = look_up(tx)
    # the index found it; the comparison in constant time is what vouches for it
    if row is None or not hmac.compare_digest(row.key_hash, secret_hash):
        _unknown.put(known_as, None)
        return None
    _known.put(known_as, row.principal)
    if row.use_is_stale:
        _note_use(row.credential_id)
    return row.principal


def _note_use(credential_id: UUID) -> None:
    try:
        with transaction() as tx:
            queries.touch_credential(tx, credential_id)
    except DatabaseUnavailable as error:  # a statistic; never worth a refused request
        log.warning("auth.last_used_not_recorded", reason=str(error))
