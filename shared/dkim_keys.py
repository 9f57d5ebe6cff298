"""DKIM keys of domains: made, encrypted, published and loaded.

RSA keys have 2048 bits (RFC 8301 §3.2); Ed25519 (RFC 8463) comes as a second signature, never alone. A key
is `pending` until its record was seen in the DNS, `active` while it signs, and `retiring` while mail that it
signed may still be on its way.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from sqlalchemy import ColumnElement, Connection, Row, delete, insert, select, text, update

from shared.clock import now
from shared.ids import new_id
from shared.models import dkim_keys
from shared.settings import settings
from shared.vault import Vault

PrivateKey = RSAPrivateKey | Ed25519PrivateKey

RSA, ED25519 = "rsa-sha256", "ed25519-sha256"
_RSA_BITS = 2048
#: One character-string of a TXT record holds this many octets (RFC 1035 §3.3).
_STRING_OCTETS = 255


class DomainKey(NamedTuple):
    """An active key as a signer needs it."""

    domain: str
    selector: str
    key: PrivateKey


@dataclass(frozen=True)
class SendingDomain:
    """What the sender knows of a domain: its active keys, and whether bounces and links go to its own hosts.

    `track_opens` and `track_clicks` None: as the install says.
    """

    keys: Sequence[DomainKey] = ()
    return_path: bool = False
    tracking_host: bool = False
    track_opens: bool | None = None
    track_clicks: bool | None = None


@dataclass(frozen=True)
class GeneratedKey:
    """A key that is in no table yet; its private half only in encrypted form."""

    selector: str
    algorithm: str
    public_key: str
    master_key_id: str
    ciphertext: bytes


# RSA first: the signature that every receiver understands stands on top.
_SENDING = text(
    """
    SELECT domains.account_id, domains.name, domains.return_path_verified, domains.tracking_verified,
        domains.track_opens, domains.track_clicks, dkim_keys.selector, dkim_keys.master_key_id,
        dkim_keys.private_key
    FROM domains
    JOIN unnest(CAST(:account_ids AS uuid[]), CAST(:names AS text[])) AS wanted (account_id, name)
        ON wanted.account_id = domains.account_id AND wanted.name = domains.name
    LEFT JOIN dkim_keys ON dkim_keys.domain_id = domains.id AND dkim_keys.status = 'active'
    ORDER BY dkim_keys.algorithm DESC, dkim_keys.id
    """
)


@cache
def vault() -> Vault:
    """The vault of the configured master keys.

    Raises:
        VaultError: none is configured.
    """
    return Vault(settings().master_keys)


def generate_key(algorithm: str) -> GeneratedKey:
    """A fresh key under a selector of its own; takes a moment (RSA: about 0.05 s), so before a transaction.

    Raises:
        VaultError: there is no master key to encrypt it with.
    """
    private, public = _generate(algorithm)
    master_key_id, ciphertext = vault().encrypt(private)
    # a date that people recognise, and enough chance that no two rotations collide
    selector = f"mm{now():%Y%m%d}{secrets.token_hex(2)}"
    return GeneratedKey(selector, algorithm, public, master_key_id, ciphertext)


def add_key(tx: Connection, domain_id: UUID, key: GeneratedKey) -> None:
    """Gives a domain one more key, `pending` until its record was seen."""
    tx.execute(
        insert(dkim_keys).values(
            id=new_id(),
            domain_id=domain_id,
            selector=key.selector,
            algorithm=key.algorithm,
            private_key=key.ciphertext,
            master_key_id=key.master_key_id,
            public_key=key.public_key,
            status="pending",
        )
    )


def activate_keys(tx: Connection, domain_id: UUID, ids: Collection[UUID] | None = None) -> list[str]:
    """Lets pending keys of a domain sign; those of the same algorithm that signed until now retire.

    Args:
        ids: which; None: all of them, on the operator's word.

    Returns:
        The selectors that sign from now on.
    """
    chosen = _of(domain_id, "pending")
    if ids is not None:
        chosen &= dkim_keys.c.id.in_(ids)
    moment = now()
    tx.execute(
        update(dkim_keys)
        .where(
            _of(domain_id, "active"), dkim_keys.c.algorithm.in_(select(dkim_keys.c.algorithm).where(chosen))
        )
        .values(status="retiring", retired_at=moment)
    )
    changed = update(dkim_keys).where(chosen).values(status="active", activated_at=moment)
    return list(tx.execute(changed.returning(dkim_keys.c.selector)).scalars())


def has_active_key(tx: Connection, domain_id: UUID) -> bool:
    """Whether mail of the domain is signed."""
    return tx.execute(select(dkim_keys.c.id).where(_of(domain_id, "active"))).first() is not None


def drop_retired(tx: Connection, domain_id: UUID, before: datetime) -> list[str]:
    """Deletes keys of a domain that were replaced before that moment; returns their selectors."""
    gone = delete(dkim_keys).where(_of(domain_id, "retiring"), dkim_keys.c.retired_at < before)
    return list(tx.execute(gone.returning(dkim_keys.c.selector)).scalars())


def sending_domains(
    tx: Connection, wanted: Iterable[tuple[UUID, str]]
) -> dict[tuple[UUID, str], SendingDomain]:
    """What the sender has to know of each (account, domain), however many, with one query."""
    pairs = list(dict.fromkeys(wanted))
    rows = tx.execute(
        _SENDING,
        {"account_ids": [str(account) for account, _ in pairs], "names": [name for _, name in pairs]},
    ).all()
    keys: dict[tuple[UUID, str], list[DomainKey]] = {pair: [] for pair in pairs}
    for row in rows:
        if row.selector:
            private = vault().decrypt(row.master_key_id, bytes(row.private_key))
            keys[row.account_id, row.name].append(DomainKey(row.name, row.selector, _load(private)))
    of = {(row.account_id, row.name): row for row in rows}
    return {pair: _sending(keys[pair], of.get(pair)) for pair in pairs}


def _sending(keys: Sequence[DomainKey], row: Row[Any] | None) -> SendingDomain:
    if row is None:
        return SendingDomain(keys)
    return SendingDomain(
        keys, row.return_path_verified, row.tracking_verified, row.track_opens, row.track_clicks
    )


def reencrypt_keys(tx: Connection, limit: int) -> int:
    """Encrypts up to `limit` keys anew that are not under the newest master key; returns how many.

    Raises:
        VaultError: the master key of one of them is not configured any more.
    """
    rows = tx.execute(
        select(dkim_keys.c.id, dkim_keys.c.master_key_id, dkim_keys.c.private_key)
        .where(dkim_keys.c.master_key_id != vault().newest)
        .limit(limit)
        .with_for_update()
    ).all()
    for row in rows:
        master_key_id, ciphertext = vault().encrypt(
            vault().decrypt(row.master_key_id, bytes(row.private_key))
        )
        values = {"master_key_id": master_key_id, "private_key": ciphertext}
        tx.execute(update(dkim_keys).where(dkim_keys.c.id == row.id).values(values))
    return len(rows)


def record_value(algorithm: str, public_key: str) -> str:
    """The value of the TXT record at `<selector>._domainkey.<domain>` (RFC 6376 §3.6.1)."""
    kind = "rsa" if algorithm == RSA else "ed25519"
    return f"v=DKIM1; k={kind}; p={public_key}"


def character_strings(value: str) -> list[str]:
    """`value` cut into the strings that one TXT record holds; readers join them without a space."""
    return [value[start : start + _STRING_OCTETS] for start in range(0, len(value), _STRING_OCTETS)]


def _of(domain_id: UUID, status: str) -> ColumnElement[bool]:
    return (dkim_keys.c.domain_id == domain_id) & (dkim_keys.c.status == status)


def _generate(algorithm: str) -> tuple[bytes, str]:
    """(private key as PKCS#8 DER, public key as p= has it)."""
    private: PrivateKey
    if algorithm == RSA:
        private = generate_private_key(public_exponent=65537, key_size=_RSA_BITS)
        public = private.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    else:
        private = Ed25519PrivateKey.generate()
        public = private.public_key().public_bytes_raw()
    der = private.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return der, base64.b64encode(public).decode()


def _load(der: bytes) -> PrivateKey:
    key = serialization.load_der_private_key(der, password=None)
    if not isinstance(key, RSAPrivateKey | Ed25519PrivateKey):
        raise TypeError(f"not a DKIM key: {type(key).__name__}")
    return key
