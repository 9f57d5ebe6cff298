"""The people of an account: made, read, changed and removed; and how they get (back) a password.

An account always has an owner, and only owners make, change or remove owners. Statements about an account's
users are scoped by `account_id`; who signs in is found by address alone, which is unique on an install.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from services.gateway.one_insert import Row
from services.gateway.queries import account_quotas
from services.gateway.windows import Window, rows_in
from shared.clock import now
from shared.ids import new_id
from shared.models import accounts, domains, password_resets, users

OWNER = "owner"
#: How long a mailed token is good (seconds): to set a new password, and to accept an invitation.
RESET_SECONDS, INVITATION_SECONDS = 3_600, 7 * 86_400

_SHOWN = (
    users.c.id,
    users.c.email,
    users.c.name,
    users.c.role,
    users.c.active,
    users.c.last_login_at,
    users.c.created_at,
)


@dataclass(frozen=True, slots=True)
class Member:
    """A user as the gateway knows who is asking."""

    id: UUID
    account_id: UUID
    email: str
    name: str | None
    role: str
    password_changed_at: datetime
    domains: dict[str, bool]
    quotas: tuple[int | None, int | None]


def create(
    tx: Connection, account_id: UUID, email: str, *, name: str | None, role: str, password_hash: str
) -> UUID | None:
    """A new user; `None` if the address (`Address.key`) has one already, in whichever account."""
    made: UUID | None = tx.execute(
        upsert(users)
        .values(
            id=new_id(),
            account_id=account_id,
            email=email,
            name=name,
            role=role,
            password_hash=password_hash,
            password_changed_at=now(),
        )
        .on_conflict_do_nothing(index_elements=["email"])
        .returning(users.c.id)
    ).scalar()
    return made


def by_email(tx: Connection, email: str) -> Row | None:
    """Whoever signs in with this address (`Address.key`), with their password's hash."""
    row = tx.execute(select(users).where(users.c.email == email, users.c.active)).mappings().one_or_none()
    return dict(row) if row else None


def member(tx: Connection, user_id: UUID) -> Member | None:
    """Who this is and what their account has; `None` if they may not be signed in."""
    row = tx.execute(
        select(users, accounts.c.quota_daily, accounts.c.quota_monthly)
        .join(accounts, accounts.c.id == users.c.account_id)
        .where(users.c.id == user_id, users.c.active)
    ).one_or_none()
    if row is None:
        return None
    owned = tx.execute(
        select(domains.c.name, domains.c.status).where(domains.c.account_id == row.account_id)
    ).all()
    return Member(
        id=row.id,
        account_id=row.account_id,
        email=row.email,
        name=row.name,
        role=row.role,
        password_changed_at=row.password_changed_at,
        domains={name: status == "verified" for name, status in owned},
        quotas=account_quotas(row.quota_daily, row.quota_monthly),
    )


def get(tx: Connection, account_id: UUID, id: UUID) -> Row | None:
    """One user; `None` if the account has none with this id."""
    row = tx.execute(_mine(account_id).where(users.c.id == id)).mappings().one_or_none()
    return dict(row) if row else None


def page(tx: Connection, account_id: UUID, window: Window) -> tuple[list[Row], bool]:
    """A page of the account's users, newest first, and whether there are more in that direction."""
    return rows_in(tx, _mine(account_id), users.c.id, window)


def change(tx: Connection, account_id: UUID, id: UUID, values: dict[str, Any]) -> None:
    """Sets columns of a user. Who is deactivated has no session when they are activated again."""
    ends = {"password_changed_at": now()} if values.get("active") is False else {}
    mine = (users.c.account_id == account_id) & (users.c.id == id)
    tx.execute(update(users).where(mine).values(**values, **ends))


def remove(tx: Connection, account_id: UUID, id: UUID) -> None:
    """Removes a user; their sessions end with them."""
    tx.execute(delete(users).where(users.c.account_id == account_id, users.c.id == id))


def owners(tx: Connection, account_id: UUID) -> int:
    """How many active owners the account has; none is changed by another until this transaction ends."""
    mine = select(users.c.id).where(users.c.account_id == account_id, users.c.role == OWNER, users.c.active)
    return len(tx.execute(mine.with_for_update()).all())


def note_login(tx: Connection, id: UUID, rehashed: str | None) -> None:
    """Notes that a user signed in; keeps their password's hash with today's parameters."""
    values: dict[str, Any] = {"last_login_at": now()}
    if rehashed:
        values["password_hash"] = rehashed
    tx.execute(update(users).where(users.c.id == id).values(values))


def set_password(tx: Connection, id: UUID, password_hash: str) -> None:
    """A new password: every session from before is void, and so is every token that was mailed."""
    tx.execute(
        update(users).where(users.c.id == id).values(password_hash=password_hash, password_changed_at=now())
    )
    tx.execute(delete(password_resets).where(password_resets.c.user_id == id))


def new_token(tx: Connection, user_id: UUID, seconds: float) -> str:
    """A token with which the user may set a password once; only its digest is kept."""
    token = secrets.token_urlsafe(32)
    tx.execute(
        insert(password_resets).values(
            token_hash=_digest(token), user_id=user_id, expires_at=now() + timedelta(seconds=seconds)
        )
    )
    return token


def of_token(tx: Connection, token: str) -> Row | None:
    """Whose token this is; `None` if nobody's, or not any more."""
    owner = select(users).join(password_resets, password_resets.c.user_id == users.c.id)
    row = tx.execute(owner.where(_is_good(token), users.c.active)).mappings().one_or_none()
    return dict(row) if row else None


def redeem(tx: Connection, token: str) -> Row | None:
    """Whose token this is, good no more from now on; `None` if nobody's, or not any more."""
    user_id = tx.execute(
        update(password_resets)
        .where(_is_good(token))
        .values(used_at=func.now())
        .returning(password_resets.c.user_id)
    ).scalar()
    row = tx.execute(select(users).where(users.c.id == user_id, users.c.active)).mappings().one_or_none()
    return dict(row) if row else None


def _mine(account_id: UUID) -> Any:
    return select(*_SHOWN).where(users.c.account_id == account_id)


def _is_good(token: str) -> ColumnElement[bool]:
    return and_(
        password_resets.c.token_hash == _digest(token),
        password_resets.c.expires_at > now(),
        password_resets.c.used_at.is_(None),
    )


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
