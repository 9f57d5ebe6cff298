"""The link by which somebody confirms that they want a list: whose, which list, and that it is ours.

`<public URL>/api/confirm/<token>`. In URL-safe base64, without padding:

    version (1 octet) · list (16) · contact (16) · HMAC-SHA-256 (16)

It says nothing of the person, nobody can make one without a master key, and it confirms only who is
`unconfirmed` on that list when it is used.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

PATH = "/api/confirm/"

_MAC_OCTETS = 16
_OCTETS = 1 + 16 + 16 + _MAC_OCTETS


@dataclass(frozen=True, slots=True)
class Confirmation:
    """Which contact confirms which list."""

    list_id: UUID
    contact_id: UUID


class Confirmations:
    """Makes and reads tokens."""

    def __init__(self, master_keys: Sequence[str]) -> None:
        """`master_keys`, newest first: the first makes tokens, all read them.

        Raises:
            ValueError: there is none.
        """
        if not master_keys:
            raise ValueError("MAILMATIC_MASTER_KEYS is not set: there is no key to make links with")
        self._keys = [hmac.digest(key.encode(), b"mailmatic.confirmation", "sha256") for key in master_keys]

    def token(self, of: Confirmation) -> str:
        """The token of a confirmation."""
        payload = b"\x01" + of.list_id.bytes + of.contact_id.bytes
        return _text(payload + _mac(self._keys[0], payload))

    def read(self, token: str) -> Confirmation | None:
        """What `token` stands for; None if it is none of ours."""
        try:
            data = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except ValueError:
            return None
        payload, mac = data[:-_MAC_OCTETS], data[-_MAC_OCTETS:]
        # decoding passes over what is not base64: one token, one text
        if len(data) != _OCTETS or payload[0] != 1 or _text(data) != token:
            return None
        if not any(hmac.compare_digest(mac, _mac(key, payload)) for key in self._keys):
            return None
        return Confirmation(UUID(bytes=payload[1:17]), UUID(bytes=payload[17:33]))


def _mac(key: bytes, payload: bytes) -> bytes:
    return hmac.digest(key, payload, "sha256")[:_MAC_OCTETS]


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
