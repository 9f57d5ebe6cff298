"""Secrets at rest: encrypted under master keys that can be rotated.

Fernet (AES-128-CBC with HMAC-SHA-256) of `cryptography`. The first key of `MAILMATIC_MASTER_KEYS` encrypts,
all of them decrypt; `stale` tells what is still under an older one, so that it can be written anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken


class VaultError(Exception):
    """No master key can decrypt this, or none is configured."""


class Vault:
    """Encrypts and decrypts small secrets."""

    def __init__(self, keys: Sequence[str]) -> None:
        """`keys` are Fernet keys (32 bytes in URL-safe base64), newest first."""
        if not keys:
            raise VaultError("MAILMATIC_MASTER_KEYS is not set: there is no key to protect secrets with")
        self._keys = {_key_id(key): Fernet(key) for key in keys}
        self._newest = _key_id(keys[0])

    @property
    def newest(self) -> str:
        """The id of the key that encrypts."""
        return self._newest

    def encrypt(self, secret: bytes) -> tuple[str, bytes]:
        """(id of the master key, ciphertext)."""
        return self._newest, self._keys[self._newest].encrypt(secret)

    def decrypt(self, key_id: str, ciphertext: bytes) -> bytes:
        """The secret.

        Raises:
            VaultError: the key is not configured any more, or the ciphertext was tampered with.
        """
        try:
            return self._keys[key_id].decrypt(ciphertext)
        except (KeyError, InvalidToken):
            raise VaultError(
                f"no master key {key_id} opens this; is it still in MAILMATIC_MASTER_KEYS?"
            ) from None

    def stale(self, key_id: str) -> bool:
        """Whether what is under `key_id` should be encrypted anew."""
        return key_id != self._newest


def _key_id(key: str) -> str:
    """A name for a key that says nothing about it."""
    return hashlib.sha256(key.encode()).hexdigest()[:12]
