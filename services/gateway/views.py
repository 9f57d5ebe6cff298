"""Reading what was sent and done: queries for the routes that show emails and logs, scoped by account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select

from services.gateway.one_insert import Row
from services.gateway.waits import waiting_for
from services.gateway.windows import Window, rows_in
from shared import states
from shared.models import attachments, audit_log, campaigns, emails, events, recipients

_SHOWN = (
    emails.c.id,
    emails.c.message_id,
    emails.c.status,
    emails.c.from_address.label("from"),
    emails.c.subject,
    emails.c.test,
    emails.c.tags,
    emails.c.campaign_id,
    emails.c.send_at,
    emails.c.created_at,
    emails.c.updated_at,
    emails.c.attempts,
    emails.c.last_error,
    emails.c.request_id,
)


def email(tx: Connection, account_id: UUID, email_id: UUID) -> Row | None:
    """One email with its attachments, recipients and events; `None` if the account has no such email."""
    found = tx.execute(
        select(*_SHOWN, emails.c.content_id, emails.c.due_at).where(
            emails.c.account_id == account_id, emails.c.id == email_id
        )
    ).mappings()
    row = found.one_or_none()
    if row is None:
        return None
    addressed = _recipients_of(tx, [email_id])[email_id]
    return {
        **row,
        "waiting": _waiting(tx, row, addressed),
        "attachments": _attachments_of(tx, row["content_id"]),
        "recipients": addressed,
        "events": _events_of(tx, email_id),
    }


def email_window(
    tx: Connection, account_id: UUID, window: Window, status: str | None
) -> tuple[list[Row], bool]:
    """A page of the account's emails, newest first, and whether there are more in that direction."""
    query = select(*_SHOWN).where(emails.c.account_id == account_id)
    if status:
        query = query.where(emails.c.status == status)
    return rows_in(tx, query, emails.c.id, window)


def log_rows(tx: Connection, ids: Sequence[UUID]) -> list[Row]:
    """These emails, newest first, each with its recipients."""
    if not ids:
        return []
    found = tx.execute(select(*_SHOWN).where(emails.c.id.in_(ids)).order_by(emails.c.id.desc()))
    rows = [dict(row) for row in found.mappings()]
    by_email = _recipients_of(tx, [row["id"] for row in rows])
    return [{**row, "recipients": by_email[row["id"]]} for row in rows]


def audit_page(
    tx: Connection, account_id: UUID, window: Window, action: str | None, object_id: UUID | None
) -> tuple[list[Row], bool]:
    """A page of the account's audit log, newest first, and whether there is more in that direction."""
    query = select(audit_log).where(audit_log.c.account_id == account_id)
    if action:
        query = query.where(audit_log.c.action == action)
    if object_id:
        query = query.where(audit_log.c.object_id == object_id)
    return rows_in(tx, query, audit_log.c.id, window)


def _waiting(tx: Connection, row: Mapping[Any, Any], addressed: Sequence[Row]) -> dict[str, Any] | None:
    campaign = None
    if row["campaign_id"] and row["status"] in states.UNFINISHED:
        query = select(campaigns.c.status).where(campaigns.c.id == row["campaign_id"])
        campaign = tx.execute(query).scalar_one_or_none()
    relayed = any(item["relay"] for item in addressed if item["status"] == states.DEFERRED)
    return waiting_for(row, campaign, relayed=relayed)


def _recipients_of(tx: Connection, email_ids: Sequence[UUID]) -> dict[UUID, list[Row]]:
    by_email: dict[UUID, list[Row]] = {id: [] for id in email_ids}
    query = (
        select(recipients)
        .where(recipients.c.email_id.in_(email_ids))
        .order_by(recipients.c.email_id, recipients.c.position)
    )
    for row in tx.execute(query).mappings():
        by_email[row["email_id"]].append(dict(row))
    return by_email


def _attachments_of(tx: Connection, content_id: UUID) -> list[Row]:
    query = (
        select(
            attachments.c.filename,
            attachments.c.content_type,
            attachments.c.size,
            attachments.c.cid.label("content_id"),
        )
        .where(attachments.c.content_id == content_id)
        .order_by(attachments.c.position)
    )
    return [dict(row) for row in tx.execute(query).mappings()]


def _events_of(tx: Connection, email_id: UUID) -> list[dict[str, Any]]:
    address = select(recipients.c.address).where(
        recipients.c.email_id == events.c.email_id, recipients.c.position == events.c.position
    )
    query = (
        select(
            events.c.type,
            events.c.source,
            events.c.occurred_at,
            events.c.data,
            address.scalar_subquery().label("recipient"),
        )
        .where(events.c.email_id == email_id)
        .order_by(events.c.occurred_at, events.c.id)
    )
    return [dict(row) for row in tx.execute(query).mappings()]
