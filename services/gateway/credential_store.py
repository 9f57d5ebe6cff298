"""Credentials: made, read, changed, rotated and deleted. Every statement is scoped by `account_id`.

Secrets leave this module once, in the `Secrets` of a new or rotated credential; what is stored are digests.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, insert, select, update

from services.gateway.keys import digest, new_key, random_text
from services.gateway.one_insert import Row
from services.gateway.windows import Window, rows_in
from shared.clock import now
from shared.ids import new_id
from shared.models import credentials, domains

_SHOWN = (
    credentials.c.id,
    credentials.c.domain_id,
    domains.c.name.label("domain"),
    credentials.c.username,
    (credentials.c.username + "@" + domains.c.name).label("email"),
    credentials.c.display_name,
    credentials.c.key_prefix,
    credentials.c.smtp_username,
    credentials.c.active,
    credentials.c.test,
    credentials.c.scopes,
    credentials.c.allowed_ips,
    credentials.c.expires_at,
    credentials.c.previous_key_expires_at,
    credentials.c.last_used_at,
    credentials.c.created_at,
)


@dataclass(frozen=True)
class Wanted:
    """A credential as somebody wants it: see the columns of `credentials`."""

    username: str
    display_name: str | None = None
    scopes: list[str] | None = None
    allowed_ips: list[str] | None = None
    expires_at: datetime | None = None
    test: bool = False


@dataclass(frozen=True)
class Secrets:
    """What nobody can show again. `smtp_password` is None where only the API key is new."""

    api_key: str
    smtp_password: str | None = None


def create(tx: Connection, account_id: UUID, domain_id: UUID, wanted: Wanted) -> tuple[UUID, Secrets]:
    """A new credential at one of the account's domains.

    Raises:
        LookupError: the account has no such domain.
    """
    mine = select(domains.c.id).where(domains.c.account_id == account_id, domains.c.id == domain_id)
    if tx.execute(mine.with_for_update(read=True)).scalar() is None:
        raise LookupError("the account has no such domain")
    id, key, password = new_id(), new_key(test=wanted.test), random_text(32)
    tx.execute(
        insert(credentials).values(
            id=id,
            account_id=account_id,
            domain_id=domain_id,
            username=wanted.username,
            display_name=wanted.display_name,
            key_hash=key.digest,
            key_prefix=key.prefix,
            test=wanted.test,
            scopes=wanted.scopes,
            allowed_ips=wanted.allowed_ips,
            expires_at=wanted.expires_at,
            smtp_username=f"smtp_{random_text(16)}",
            smtp_password_hash=digest(password),
        )
    )
    return id, Secrets(key.secret, password)


def get(tx: Connection, account_id: UUID, id: UUID, *, lock: bool = False) -> Row | None:
    """One credential; `None` if the account has none with this id, or has it no more."""
    query = _mine(account_id).where(credentials.c.id == id)
    if lock:
        query = query.with_for_update(of=credentials)
    row = tx.execute(query).mappings().one_or_none()
    return dict(row) if row else None


def page(tx: Connection, account_id: UUID, window: Window, domain_id: UUID | None) -> tuple[list[Row], bool]:
    """A page of the account's credentials, newest first, and whether there are more in that direction."""
    query = _mine(account_id)
    if domain_id:
        query = query.where(credentials.c.domain_id == domain_id)
    return rows_in(tx, query, credentials.c.id, window)


def change(tx: Connection, account_id: UUID, id: UUID, values: dict[str, Any]) -> None:
    """Sets columns of a credential."""
    tx.execute(_update(account_id, id).values(values))


def rotate(tx: Connection, account_id: UUID, id: UUID, overlap: timedelta, *, smtp_password: bool) -> Secrets:
    """A new API key; the one until now goes on for `overlap`. A key still in an earlier overlap dies at once.

    Args:
        smtp_password: whether the SMTP password is new too. There is no overlap for it.
    """
    test = tx.execute(select(credentials.c.test).where(credentials.c.id == id)).scalar_one()
    key = new_key(test=test)
    password = random_text(32) if smtp_password else None
    ends = now() + overlap
    values: dict[str, Any] = {
        "previous_key_hash": credentials.c.key_hash if overlap else None,
        "previous_key_expires_at": ends if overlap else None,
        "key_hash": key.digest,
        "key_prefix": key.prefix,
    }
    if password:
        values["smtp_password_hash"] = digest(password)
    tx.execute(_update(account_id, id).values(values))
    return Secrets(key.secret, password)


def delete(tx: Connection, account_id: UUID, id: UUID) -> None:
    """Ends a credential for good. Its row stays for the emails that name it."""
    tx.execute(
        _update(account_id, id).values(
            active=False, deleted_at=now(), previous_key_hash=None, smtp_password_hash=None
        )
    )


def _mine(account_id: UUID) -> Any:
    return (
        select(*_SHOWN)
        .join(domains, domains.c.id == credentials.c.domain_id)
        .where(credentials.c.account_id == account_id, credentials.c.deleted_at.is_(None))
    )


def _update(account_id: UUID, id: UUID) -> Any:
    return update(credentials).where(credentials.c.account_id == account_id, credentials.c.id == id)
