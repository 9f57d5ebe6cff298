"""Return-path addresses that say which email, and which recipient, a bounce is about (VERP).

`bounces+<token>@bounces.<domain>`: the token is version, email id, recipient position and a MAC, in base32,
which survives servers that change the case of local parts. Nobody can make one without a master key: a
made-up bounce can't suppress anybody.
"""

from __future__ import annotations

import base64
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


class ReturnPaths:
    """Makes and reads return-path addresses."""

    def __init__(self, master_keys: Sequence[str]) -> None:
        """`master_keys`, newest first: the first makes tokens, all read them, so a rotation breaks none."""
        self._keys = [hmac.digest(key.encode(), b"mailmatic.verp", "sha256") for key in master_keys]

    def address(self, domain: str, email_id: UUID, positions: Sequence[int]) -> str:
        """The sender address of a transaction for the recipients at `positions`."""
        position = positions[0] if len(positions) == 1 and positions[0] < _NOBODY else _NOBODY
        payload = bytes([_VERSION]) + email_id.bytes + bytes([position])
        token = base64.b32encode(payload + _mac(self._keys[0], payload)).decode().rstrip("=").lower()
        return f"{LOCAL}+{token}@{RETURN_PATH}.{domain}"

    def origin(self, address: str) -> Origin | None:
        """What a return-path address stands for; None if it is none of ours, or was tampered with."""
        local, _, token = address.rpartition("@")[0].partition("+")
        if local.lower() != LOCAL:
            return None
        try:
            data = base64.b32decode(token.upper() + "=" * (-len(token) % 8))
        except ValueError:
            return None
        payload, mac = data[:-_MAC_OCTETS], data[-_MAC_OCTETS:]
        if len(data) != _OCTETS or payload[0] != _VERSION:
            return None
        if not any(hmac.compare_digest(mac, _mac(key, payload)) for key in self._keys):
            return None
        position = payload[-1]
        return Origin(UUID(bytes=payload[1:17]), None if position == _NOBODY else position)


@cache
def return_paths() -> ReturnPaths:
    """Those of the configured master keys, of which a domain with DKIM keys needs one anyway."""
    return ReturnPaths(settings().master_keys)


def _mac(key: bytes, payload: bytes) -> bytes:
    return hmac.digest(key, payload, "sha256")[:_MAC_OCTETS]
