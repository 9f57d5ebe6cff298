"""Signing in and out, as far as no request is involved: who may, and what is remembered of it."""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select, update

from services.gateway import login_failures, passwords, system_mail, tenants, users
from services.gateway.buckets import take
from services.gateway.errors import problem
from services.gateway.one_insert import Row
from shared import audit
from shared.addresses import Address
from shared.audit import Actor
from shared.db import transaction
from shared.errors import ApiError, FieldError
from shared.models import accounts
from shared.settings import settings

#: For how many days an account keeps what; null: what the settings say.
KEPT = ("keep_bodies_days", "keep_events_days", "keep_logs_days")


def register(
    tx: Connection, email: Address, password_hash: str, *, name: str | None, account_name: str | None, ip: str
) -> UUID:
    """A new account with its owner; returns the owner's id.

    Raises:
        ApiError: 409, somebody signs in with this address already.
    """
    account_id = tenants.create_account(tx, account_name or email.email)
    made = users.create(tx, account_id, email.key, name=name, role=users.OWNER, password_hash=password_hash)
    if made is None:
        raise problem("email_taken")
    audit.record(tx, Actor(account_id, "user", made, ip), "user.registered", made, {"email": email.key})
    return made


def sign_in(email: Address, password: str, ip: str) -> Row:
    """The user with this address and password.

    A failure costs the same whether there is such a user or not: it is counted in Redis alone, and told to
    the audit log with the user's next sign-in that succeeds.

    Raises:
        ApiError: 401, the same whether it was the address or the password; 429, too often for this address;
            503, too many at once.
    """
    admit_attempt(email.key)
    with transaction() as tx:
        found = users.by_email(tx, email.key)
    if not passwords.matches(found["password_hash"] if found else None, password) or found is None:
        count_failure(email.key)
        raise problem("invalid_login")
    rehashed = passwords.hashed(password) if passwords.outdated(found["password_hash"]) else None
    actor, failed = Actor(found["account_id"], "user", found["id"], ip), login_failures.taken(email.key)
    with transaction() as tx:
        users.note_login(tx, found["id"], rehashed)
        if failed:
            audit.record(tx, actor, "user.login_failed", found["id"], {"count": failed})
        audit.record(tx, actor, "user.logged_in", found["id"])
    return found


def admit_attempt(email: str) -> None:
    """Raises 429 where passwords of the user with this address (`Address.key`) were tried too often."""
    _admit(email, cost=0)


def count_failure(email: str) -> None:
    """Counts a wrong password for this address (`Address.key`), whoever has it; raises 429."""
    login_failures.count(email)
    _admit(email, cost=1)


def ask_reset(email: Address, ip: str) -> None:
    """Mails a token to whoever signs in with this address; says nobody whether there is somebody."""
    if not take("reset", _subject(email.key), settings().rate_limit_reset.all).allowed:
        return
    with transaction() as tx:
        found = users.by_email(tx, email.key)
        if found is None:
            return
        token = users.new_token(tx, found["id"], users.RESET_SECONDS)
        system_mail.send(tx, email, "Your new password", _reset_text(token))
        actor = Actor(found["account_id"], "user", found["id"], ip)
        audit.record(tx, actor, "user.password_reset_asked", found["id"])


def invitation_text(account: str, token: str) -> str:
    """The mail to somebody who was invited."""
    return (
        f"You have been invited to {account} on Mailmatic, {settings().public_url}\n\n"
        f"Set your password with this token, which is good for 7 days:\n\n    {token}\n\n{_how(token)}"
    )


def checked_password(password: str, email: str, pointer: str) -> str:
    """The hash of a password that is good enough for somebody with this address.

    Raises:
        ApiError: 422 with `pointer`, it is not.
    """
    fault = passwords.fault(password, email=email)
    if fault:
        raise problem("validation_error", fault, [FieldError(pointer, fault)])
    return passwords.hashed(password)


def account(tx: Connection, account_id: UUID) -> dict[str, Any]:
    """The account as it is shown."""
    shown = select(
        accounts.c.id,
        accounts.c.name,
        accounts.c.postal_address,
        accounts.c.created_at,
        *(accounts.c[name] for name in KEPT),
    )
    return dict(tx.execute(shown.where(accounts.c.id == account_id)).mappings().one())


def change_account(tx: Connection, account_id: UUID, values: dict[str, Any]) -> None:
    """Gives the account another name, postal address or times of keeping."""
    if values:
        tx.execute(update(accounts).where(accounts.c.id == account_id).values(**values))


def _admit(email: str, *, cost: int) -> None:
    taken = take("login", _subject(email), settings().rate_limit_login.all, cost=cost)
    if not taken.allowed:
        raise _too_often(max(bucket.reset for bucket in taken.buckets if not bucket.remaining))


def _too_often(wait: int) -> ApiError:
    sentence = f"Too many failed sign-ins with this address. Try again in {wait} s."
    return problem("rate_limit_exceeded", sentence, headers={"Retry-After": str(wait)})


def _subject(email: str) -> str:
    """Stands for the address in Redis, which need not know it."""
    return hashlib.sha256(email.encode()).hexdigest()[:32]


def _reset_text(token: str) -> str:
    return (
        f"Somebody, hopefully you, asked for a new password on Mailmatic, {settings().public_url}\n\n"
        f"Set it with this token, which is good for an hour and once:\n\n    {token}\n\n{_how(token)}\n"
        "If it was not you, there is nothing you need to do.\n"
    )


def _how(token: str) -> str:
    body = f'{{"token": "{token}", "password": "…"}}'
    return (
        f"    curl -X POST {settings().public_url}/api/auth/password-reset/confirm \\\n"
        f"      -H 'Content-Type: application/json' -d '{body}'\n"
    )
