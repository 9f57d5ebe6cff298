"""Sending domains: added, read, rotated and deleted. Every statement is scoped by `account_id`."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from services.gateway.windows import Window, rows_in
from shared.clock import now
from shared.dkim_keys import GeneratedKey, add_key
from shared.domain_state import Domain, read_domains
from shared.ids import new_id
from shared.models import credentials, domains
from shared.settings import settings


class Refused(Exception):
    """It can't be done; `code` is of the gateway's table, the text for a person."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


def add(tx: Connection, account_id: UUID, name: str, key: GeneratedKey) -> Domain:
    """A new domain with its first DKIM key.

    Raises:
        Refused: the account has it already, or another account has verified it.
    """
    taken = select(domains.c.id).where(
        domains.c.name == name, domains.c.status == "verified", domains.c.account_id != account_id
    )
    if tx.execute(taken).first():
        raise Refused("domain_taken", f"Another account has verified {name}.")
    moment = now()
    row = {
        "id": new_id(),
        "account_id": account_id,
        "name": name,
        "created_at": moment,
        "next_check_at": moment + timedelta(seconds=settings().domain_pending_seconds),
    }
    made = tx.execute(
        upsert(domains)
        .values(row)
        .on_conflict_do_nothing(index_elements=["account_id", "name"])
        .returning(domains.c.id)
    ).scalar()
    if made is None:
        raise Refused("domain_exists", f"You have {name} already.")
    add_key(tx, made, key)
    (domain,) = read_domains(tx, domains.c.id == made)
    return domain


def get(tx: Connection, account_id: UUID, id: UUID, *, lock: bool = False) -> Domain | None:
    """One domain; None if the account has none with this id."""
    found = read_domains(tx, domains.c.account_id == account_id, domains.c.id == id, lock=lock)
    return found[0] if found else None


def page(tx: Connection, account_id: UUID, window: Window) -> tuple[list[Domain], bool]:
    """A page of the account's domains, newest first, and whether there are more in that direction."""
    query = select(domains.c.id).where(domains.c.account_id == account_id)
    rows, has_more = rows_in(tx, query, domains.c.id, window)
    return read_domains(tx, domains.c.id.in_([row["id"] for row in rows])), has_more


def rotate(tx: Connection, domain: Domain, key: GeneratedKey) -> Domain:
    """Gives the domain, which is locked, a new key that waits to be seen, and is looked for soon.

    Raises:
        Refused: one of this algorithm waits already.
    """
    waiting = [item for item in domain.keys if (item.algorithm, item.status) == (key.algorithm, "pending")]
    if waiting:
        raise Refused("rotation_pending", f"The key {waiting[0].selector} waits to be seen in the DNS.")
    add_key(tx, domain.id, key)
    soon = now() + timedelta(seconds=settings().domain_pending_seconds)
    # one that the operator vouched for has no next look, and gets none
    tx.execute(
        update(domains)
        .where(domains.c.id == domain.id, domains.c.next_check_at > soon)
        .values(next_check_at=soon)
    )
    (changed,) = read_domains(tx, domains.c.id == domain.id)
    return changed


def change(tx: Connection, id: UUID, values: dict[str, bool | None]) -> Domain:
    """Gives a domain, which is locked, these values by column."""
    if values:
        tx.execute(update(domains).where(domains.c.id == id).values(values))
    (changed,) = read_domains(tx, domains.c.id == id)
    return changed


def remove(tx: Connection, domain: Domain) -> None:
    """Deletes a domain, which is locked, with its keys.

    Raises:
        Refused: credentials still send from it; says which.
    """
    using = select(credentials.c.username).where(
        credentials.c.domain_id == domain.id, credentials.c.deleted_at.is_(None)
    )
    names = list(tx.execute(using.order_by(credentials.c.id)).scalars())
    if names:
        some = ", ".join(f"{name}@{domain.name}" for name in names[:10])
        raise Refused("domain_in_use", f"Delete its {len(names)} credentials first: {some}.")
    tx.execute(delete(domains).where(domains.c.id == domain.id))
