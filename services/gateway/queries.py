"""The gateway's SQL. Every statement about a tenant's data is scoped by `account_id`."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_network
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select, update
from sqlalchemy import Row as SqlRow

from services.gateway import scopes
from services.gateway.files import File, insert_files
from services.gateway.one_insert import Row, insert_together
from services.gateway.principal import Principal
from shared.clock import now
from shared.models import (
    accounts,
    attachments,
    contents,
    credentials,
    domains,
    emails,
    events,
    recipients,
    usage,
)
from shared.settings import settings

#: `last_used_at` is exact to this.
_USE_RESOLUTION = timedelta(minutes=1)


@dataclass(frozen=True)
class KeyRow:
    """A credential as a key's digest found it."""

    credential_id: UUID
    key_hash: bytes
    principal: Principal
    use_is_stale: bool


@dataclass(frozen=True)
class AcceptedRows:
    """Rows of newly accepted emails, by table; of some tables there may be none."""

    contents: list[Row] = field(default_factory=list)
    emails: list[Row] = field(default_factory=list)
    recipients: list[Row] = field(default_factory=list)
    events: list[Row] = field(default_factory=list)
    attachments: list[Row] = field(default_factory=list)
    usage: list[Row] = field(default_factory=list)
    files: list[File] = field(default_factory=list)


def insert_accepted(tx: Connection, rows: AcceptedRows) -> None:
    """Inserts newly accepted emails, all tables but the files' in one statement."""
    if rows.files:
        insert_files(tx, rows.files)
    tables = [
        (contents, rows.contents),
        (emails, rows.emails),
        (recipients, rows.recipients),
        (events, rows.events),
        (attachments, rows.attachments),
        (usage, rows.usage),
    ]
    insert_together(tx, [(table, of_table) for table, of_table in tables if of_table])


def credential_by_key(tx: Connection, key_hash: bytes) -> KeyRow | None:
    """The credential, active or not, whose key has this digest, or had it and still honours it (rotation)."""
    previous = (credentials.c.previous_key_hash == key_hash) & (credentials.c.previous_key_expires_at > now())
    row = tx.execute(_CREDENTIAL.where((credentials.c.key_hash == key_hash) | previous)).one_or_none()
    if row is None:
        return None
    if hmac.compare_digest(row.key_hash, key_hash):
        return _key_row(row, row.key_hash, row.expires_at)
    return _key_row(row, row.previous_key_hash, _sooner(row.expires_at, row.previous_key_expires_at))


def credential_by_smtp_username(tx: Connection, username: str) -> KeyRow | None:
    """The credential, active or not, with this SMTP login; its `key_hash` is that of the password."""
    row = tx.execute(
        _CREDENTIAL.where(
            credentials.c.smtp_username == username, credentials.c.smtp_password_hash.is_not(None)
        )
    ).one_or_none()
    return _key_row(row, row.smtp_password_hash, row.expires_at) if row else None


_CREDENTIAL = (
    select(
        credentials,
        domains.c.name.label("domain"),
        domains.c.status.label("domain_status"),
        accounts.c.quota_daily,
        accounts.c.quota_monthly,
    )
    .join(domains, domains.c.id == credentials.c.domain_id)
    .join(accounts, accounts.c.id == credentials.c.account_id)
    .where(credentials.c.deleted_at.is_(None))
)


def _key_row(row: SqlRow[Any], secret_hash: bytes, expires_at: datetime | None) -> KeyRow:
    return KeyRow(
        credential_id=row.id,
        key_hash=bytes(secret_hash),
        principal=Principal(
            account_id=row.account_id,
            scopes=scopes.granted(row.scopes),
            domains={row.domain: row.domain_status == "verified"},
            credential_id=row.id,
            domain=row.domain,
            username=row.username,
            display_name=row.display_name,
            active=row.active,
            test=row.test,
            quotas=account_quotas(row.quota_daily, row.quota_monthly),
            networks=tuple(ip_network(item) for item in row.allowed_ips or ()),
            expires_at=expires_at,
        ),
        use_is_stale=row.last_used_at is None or row.last_used_at < now() - _USE_RESOLUTION,
    )


def account_quotas(daily: int | None, monthly: int | None) -> tuple[int | None, int | None]:
    """An account's own, else those of the default plan, else the install's; 0 is none."""
    config = settings()
    usual = (config.quota_daily, config.quota_monthly)
    if config.plans:
        plan = config.plans.default
        usual = (plan.daily or config.quota_daily, plan.monthly or config.quota_monthly)
    return (
        (usual[0] if daily is None else daily) or None,
        (usual[1] if monthly is None else monthly) or None,
    )


def _sooner(one: datetime | None, other: datetime) -> datetime:
    return min(one, other) if one else other


def touch_credential(tx: Connection, credential_id: UUID) -> None:
    """Notes that a credential is in use; leaves the row alone while another process is at it."""
    free = (
        select(credentials.c.id)
        .where(credentials.c.id == credential_id)
        .with_for_update(skip_locked=True, key_share=True)
        .scalar_subquery()
    )
    tx.execute(update(credentials).where(credentials.c.id == free).values(last_used_at=now()))
