"""Contacts as rows: added or brought up to date, found, changed and deleted. Scoped by account throughout.

A contact is one person of an account: adding an address that is there already changes what is known of them.
What was made, changed or deleted is told to the account (shared.events).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, cast, delete, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY, TEXT

from services.gateway.one_insert import Row
from shared.addresses import Address
from shared.clock import now
from shared.events import record_events
from shared.ids import new_id
from shared.models import contacts, suppressions
from shared.models.columns import Json

_SUPPRESSION = (
    select(suppressions.c.reason)
    .where(suppressions.c.account_id == contacts.c.account_id, suppressions.c.address == contacts.c.email_key)
    .scalar_subquery()
)

#: What is shown of a contact; `suppression` is why none of our campaigns reach them, if so.
SHOWN = (
    contacts.c.id,
    contacts.c.email,
    contacts.c.first_name,
    contacts.c.last_name,
    contacts.c.metadata,
    contacts.c.last_activity_at,
    contacts.c.created_at,
    contacts.c.updated_at,
    _SUPPRESSION.label("suppression"),
)

# Sorted by the caller, so that two of these at once lock rows in one order. What is not given stays; of the
# metadata single keys are set, and taken away where they are given as null.
_PUT = text(
    """
    WITH before AS MATERIALIZED (
        SELECT id, first_name, last_name, metadata FROM contacts
        WHERE account_id = :account_id AND email_key = ANY(CAST(:keys AS text[]))
    ), put AS (
    INSERT INTO contacts AS kept (id, account_id, email, email_key, first_name, last_name, metadata)
    SELECT id, :account_id, email, email_key, first_name, last_name, CAST(given AS jsonb)
    FROM unnest(
        CAST(:ids AS uuid[]), CAST(:emails AS text[]), CAST(:keys AS text[]), CAST(:first_names AS text[]),
        CAST(:last_names AS text[]), CAST(:metadata AS text[])
    ) AS new (id, email, email_key, first_name, last_name, given)
    ORDER BY email_key
    ON CONFLICT (account_id, email_key) DO UPDATE SET
        first_name = coalesce(excluded.first_name, kept.first_name),
        last_name = coalesce(excluded.last_name, kept.last_name),
        metadata = (kept.metadata || excluded.metadata) - ARRAY(
            SELECT jsonb_array_elements_text(CAST(dropped.names AS jsonb))
            FROM unnest(CAST(:keys AS text[]), CAST(:dropped AS text[])) AS dropped (key, names)
            WHERE dropped.key = kept.email_key),
        updated_at = now()
    RETURNING id, email_key, first_name, last_name, metadata, xmax = 0 AS added
    )
    SELECT id, email_key, added, NOT added
        AND (put.first_name, put.last_name, put.metadata)
            IS DISTINCT FROM (before.first_name, before.last_name, before.metadata) AS changed
    FROM put LEFT JOIN before USING (id)
    """
)


@dataclass(frozen=True, slots=True)
class Person:
    """What is known of somebody; None: nothing was said of it."""

    address: Address
    first_name: str | None = None
    last_name: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)


def put(tx: Connection, account_id: UUID, people: Collection[Person]) -> tuple[dict[str, UUID], int]:
    """Adds `people` or brings them up to date; of an address given twice the last word counts.

    Returns:
        The ids by `Address.key`, and how many are new.
    """
    unique = sorted({person.address.key: person for person in people}.items())
    kept = [{key: v for key, v in person.metadata.items() if v is not None} for _, person in unique]
    dropped = [[key for key, v in person.metadata.items() if v is None] for _, person in unique]
    rows = tx.execute(
        _PUT,
        {
            "account_id": account_id,
            "ids": [str(new_id()) for _ in unique],
            "emails": [person.address.email for _, person in unique],
            "keys": [key for key, _ in unique],
            "first_names": [person.first_name for _, person in unique],
            "last_names": [person.last_name for _, person in unique],
            "metadata": [json.dumps(item) for item in kept],
            "dropped": [json.dumps(item) for item in dropped],
        },
    ).all()
    _tell(tx, account_id, "created", [row.id for row in rows if row.added])
    _tell(tx, account_id, "updated", [row.id for row in rows if row.changed])
    return {row.email_key: row.id for row in rows}, sum(row.added for row in rows)


def get(tx: Connection, account_id: UUID, id: UUID) -> Row | None:
    """One contact; `None` if the account has none with this id."""
    query = select(*SHOWN).where(contacts.c.account_id == account_id, contacts.c.id == id)
    row = tx.execute(query).mappings().one_or_none()
    return dict(row) if row else None


def ids_of(
    tx: Connection, account_id: UUID, ids: Collection[UUID], addresses: Sequence[Address]
) -> list[UUID]:
    """Those of the account's contacts that have one of these ids or addresses; others are passed over."""
    keys = [address.key for address in addresses]
    query = select(contacts.c.id).where(
        contacts.c.account_id == account_id, contacts.c.id.in_(ids) | contacts.c.email_key.in_(keys)
    )
    return list(tx.execute(query).scalars())


def change(tx: Connection, account_id: UUID, id: UUID, values: dict[str, Any]) -> bool:
    """Changes `values` (address, first_name, last_name, metadata) of a contact; whether there is one.

    Raises:
        IntegrityError: another contact has the address.
    """
    address: Address | None = values.get("address")
    changed: dict[str, Any] = {key: values[key] for key in ("first_name", "last_name") if key in values}
    if address:
        changed |= {"email": address.email, "email_key": address.key}
    if "metadata" in values:
        given: dict[str, Any] = values["metadata"]
        kept = {key: value for key, value in given.items() if value is not None}
        gone = [key for key, value in given.items() if value is None]
        changed["metadata"] = contacts.c.metadata.op("||")(cast(kept, Json)).op("-")(cast(gone, ARRAY(TEXT)))
    statement = (
        update(contacts)
        .where(contacts.c.account_id == account_id, contacts.c.id == id)
        .values(updated_at=now(), **changed)
    )
    found = tx.execute(statement).rowcount > 0
    if found:
        _tell(tx, account_id, "updated", [id])
    return found


def remove(tx: Connection, account_id: UUID, id: UUID, **told: str) -> None:
    """Deletes a contact with all standings and tags; `told` is what is told of them besides their id."""
    statement = delete(contacts).where(contacts.c.account_id == account_id, contacts.c.id == id)
    if tx.execute(statement).rowcount:
        _tell(tx, account_id, "deleted", [id], **told)


def _tell(tx: Connection, account_id: UUID, deed: str, ids: Iterable[UUID], **more: str) -> None:
    told = [{"contact_id": str(id), **more} for id in ids]
    record_events(tx, account_id, f"contact.{deed}", told, source="api")
