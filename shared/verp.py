"""Return-path addresses that say which email, and which recipient, a bounce is about (VERP).

`bounces+<token>@bounces.<domain>`: the token is version, email id, recipient position and a MAC, in base32,
which survives servers that change the case of local parts. Nobody can make one without a master key: a
made-up bounce can't suppress anybody.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from uuid import UUID

from shared.domain_checks.records import RETURN_PATH
from shared.settings import settings

LOCAL = "bounces"
_VERSION = 1
#: position of a transaction for several recipients, which has one sender address for them all
_NOBODY = 0xFF
_MAC_OCTETS = 8
_OCTETS = 1 + 16 + 1 + _MAC_OCTETS


@dataclass(frozen=True)
class Origin:
    """What a bounce is about; `position` None: one of several recipients, its report says which."""

    email_id: UUID
    position: int | None


def return_path(domain: str, email_id: UUID, positions: Sequence[int]) -> str:
    """The sender address of a transaction for the recipients at `positions`.

    Raises:
        IndexError: there is no master key.
    """
    position = positions[0] if len(positions) == 1 and positions[0] < _NOBODY else _NOBODY
    payload = bytes([_VERSION]) + email_id.bytes + bytes([position])
    token = base64.b32encode(payload + _mac(_keys()[0], payload)).decode().rstrip("=").lower()
    return f"{LOCAL}+{token}@{RETURN_PATH}.{domain}"


def origin(address: str) -> Origin | None:
    """What the return-path address stands for; None if it is none of ours, or was tampered with."""
    local, _, token = address.rpartition("@")[0].partition("+")
    if local.lower() != LOCAL:
        return None
    try:
        data = base64.b32decode(token.upper() + "=" * (-len(token) % 8))
    except (binascii.Error, ValueError):
        return None
    payload, mac = data[:-_MAC_OCTETS], data[-_MAC_OCTETS:]
    if len(data) != _OCTETS or payload[0] != _VERSION:
        return None
    if not any(hmac.compare_digest(mac, _mac(key, payload)) for key in _keys()):
        return None
    position = payload[-1]
    return Origin(UUID(bytes=payload[1:17]), None if position == _NOBODY else position)


@cache
def _keys() -> tuple[bytes, ...]:
    """Keys for this purpose alone, newest first: tokens made before a rotation of master keys stay good."""
    return tuple(hmac.digest(key.encode(), b"mailmatic.verp", "sha256") for key in settings().master_keys)


def _mac(key: bytes, payload: bytes) -> bytes:
    return hmac.new(key, payload, hashlib.sha256).digest()[:_MAC_OCTETS]
