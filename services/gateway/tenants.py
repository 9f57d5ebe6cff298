"""Accounts, domains and credentials as an operator makes them. SQL included: they are rare and small."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from services.gateway import credential_store
from shared import audit
from shared.audit import Actor
from shared.clock import now
from shared.dkim_keys import RSA, activate_keys, add_key, generate_key, has_active_key
from shared.ids import new_id
from shared.models import accounts, credentials, domains


@dataclass(frozen=True)
class NewCredential:
    """A fresh credential with its key, which nobody can show again."""

    id: UUID
    api_key: str
    address: str


def account_named(tx: Connection, name: str) -> UUID:
    """The oldest account of that name, made if there is none."""
    # two bootstraps at once must not make two: accounts are too few for this lock to matter
    tx.execute(select(func.pg_advisory_xact_lock(func.hashtext("mailmatic.account"))))
    found: UUID | None = tx.execute(
        select(accounts.c.id).where(accounts.c.name == name).order_by(accounts.c.id).limit(1)
    ).scalar()
    return found or create_account(tx, name)


def create_account(tx: Connection, name: str) -> UUID:
    """A new account."""
    id = new_id()
    tx.execute(insert(accounts).values(id=id, name=name))
    audit.record(tx, Actor(id, "operator"), "account.created", id, {"name": name})
    return id


def ensure_domain(tx: Connection, account_id: UUID, name: str, verified: bool) -> UUID:
    """The account's domain `name` (A-label form), made if missing; verified if asked for, never the reverse.

    A domain that is verified on the operator's word signs at once with the DKIM key it got.

    Raises:
        IntegrityError: another account has verified this domain.
        VaultError: there is no master key to protect its DKIM key with.
    """
    row = {"id": new_id(), "account_id": account_id, "name": name}
    made: UUID | None = tx.execute(
        upsert(domains)
        .values(row)
        .on_conflict_do_nothing(index_elements=["account_id", "name"])
        .returning(domains.c.id)
    ).scalar()
    if made:
        add_key(tx, made, generate_key(RSA))
    mine = (domains.c.account_id == account_id) & (domains.c.name == name)
    id: UUID = made or tx.execute(select(domains.c.id).where(mine)).scalar_one()
    if verified:
        tx.execute(
            update(domains)
            .where(mine, domains.c.status != "verified")
            .values(status="verified", verified_at=now())
        )
        if not has_active_key(tx, id):  # what waits beside one that signs has to be seen in the DNS
            activate_keys(tx, id)
    return id


def create_credential(
    tx: Connection, account_id: UUID, domain: str, wanted: credential_store.Wanted
) -> NewCredential:
    """A new credential at the account's domain of that name.

    Raises:
        LookupError: the account has no such domain.
    """
    domain_id = tx.execute(
        select(domains.c.id).where(domains.c.account_id == account_id, domains.c.name == domain)
    ).scalar()
    if domain_id is None:
        raise LookupError(f"the account has no domain {domain}")
    id, secrets = credential_store.create(tx, account_id, domain_id, wanted)
    address = f"{wanted.username}@{domain}"
    audit.record(tx, Actor(account_id, "operator"), "credential.created", id, {"email": address})
    return NewCredential(id, secrets.api_key, address)


def set_quotas(tx: Connection, account_id: UUID, quotas: dict[str, int | None]) -> bool:
    """Sets an account's `quota_daily` or `quota_monthly`, or both; whether there is such an account."""
    found = tx.execute(
        update(accounts).where(accounts.c.id == account_id).values(quotas).returning(accounts.c.id)
    ).one_or_none()
    if found:
        audit.record(tx, Actor(account_id, "operator"), "account.updated", account_id, quotas)
    return found is not None


def deactivate(tx: Connection, which: UUID | bytes) -> bool:
    """Deactivates a credential by its id or by its key's digest; whether there was one."""
    match = credentials.c.id == which if isinstance(which, UUID) else credentials.c.key_hash == which
    found = tx.execute(
        update(credentials)
        .where(match)
        .values(active=False)
        .returning(credentials.c.id, credentials.c.account_id)
    ).one_or_none()
    if found:
        audit.record(
            tx, Actor(found.account_id, "operator"), "credential.updated", found.id, {"active": False}
        )
    return found is not None


def overview(tx: Connection) -> list[dict[str, Any]]:
    """Every account with its domains and credentials, one row a credential (or a domain without any)."""
    query = (
        select(
            accounts.c.id.label("account"),
            accounts.c.name.label("account_name"),
            domains.c.name.label("domain"),
            domains.c.status.label("domain_status"),
            credentials.c.id.label("credential"),
            credentials.c.username,
            credentials.c.key_prefix,
            credentials.c.active,
            credentials.c.last_used_at,
        )
        .select_from(accounts)
        .outerjoin(domains, domains.c.account_id == accounts.c.id)
        .outerjoin(credentials, credentials.c.domain_id == domains.c.id)
        .order_by(accounts.c.id, domains.c.name, credentials.c.id)
    )
    return [dict(row) for row in tx.execute(query).mappings()]
