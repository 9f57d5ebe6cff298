"""Signing secrets of webhook endpoints: 24 random bytes, shown once as `whsec_…`, encrypted at rest."""

from __future__ import annotations

import base64
import secrets

from sqlalchemy import Connection, select, update

from shared.dkim_keys import vault
from shared.models import webhook_endpoints

_PREFIX = "whsec_"
_OCTETS = 24


def new_secret() -> bytes:
    """A fresh one."""
    return secrets.token_bytes(_OCTETS)


def shown(secret: bytes) -> str:
    """As its reader gets it."""
    return _PREFIX + base64.b64encode(secret).decode()


def encrypted(secret: bytes) -> tuple[str, bytes]:
    """(id of the master key, ciphertext)."""
    return vault().encrypt(secret)


def decrypted(key_id: str, ciphertext: bytes) -> bytes:
    """The secret.

    Raises:
        VaultError: its master key is not configured any more.
    """
    return vault().decrypt(key_id, bytes(ciphertext))


def reencrypt_secrets(tx: Connection, limit: int) -> int:
    """Encrypts up to `limit` endpoints' secrets anew that are not under the newest master key; how many.

    Raises:
        VaultError: the master key of one of them is not configured any more.
    """
    table, newest = webhook_endpoints.c, vault().newest
    stale = (table.secret_key_id != newest) | (table.previous_secret_key_id != newest)
    rows = tx.execute(select(webhook_endpoints).where(stale).limit(limit).with_for_update()).all()
    for row in rows:
        key_id, secret = encrypted(decrypted(row.secret_key_id, row.secret))
        values = {"secret_key_id": key_id, "secret": secret}
        if row.previous_secret is not None:
            key_id, secret = encrypted(decrypted(row.previous_secret_key_id, row.previous_secret))
            values |= {"previous_secret_key_id": key_id, "previous_secret": secret}
        tx.execute(update(webhook_endpoints).where(table.id == row.id).values(values))
    return len(rows)
