"""Everything that is kept of one person, and its erasure (GDPR, articles 15 and 17)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from services.gateway import contact_store
from services.gateway.one_insert import Row
from shared.ids import id_floor, id_time

#: Most emails that one answer tells.
MAX_EMAILS = 1_000

_MAIL = text(
    """
    SELECT emails.id, emails.status, emails.subject, emails.from_address AS sender,
        recipients.address AS "to", emails.campaign_id, emails.created_at, recipients.opened_at,
        recipients.clicked_at
    FROM recipients JOIN emails ON emails.id = recipients.email_id
    WHERE recipients.account_id = :account_id AND recipients.address = ANY(CAST(:addresses AS text[]))
    ORDER BY recipients.email_id DESC LIMIT :limit
    """
)

_UNFINISHED = text(
    """
    SELECT 1 FROM recipients JOIN emails ON emails.id = recipients.email_id
    WHERE recipients.account_id = :account_id AND recipients.address = ANY(CAST(:addresses AS text[]))
      AND emails.status IN ('scheduled', 'queued', 'sending', 'unknown', 'deferred')
    LIMIT 1
    """
)

_FORGET_EVENTS = text(
    """
    UPDATE events SET data = NULL FROM recipients
    WHERE recipients.account_id = :account_id AND recipients.address = ANY(CAST(:addresses AS text[]))
      AND events.email_id = recipients.email_id AND events.account_id = :account_id
      AND (events.position IS NULL OR events.position = recipients.position)
    """
)

# What was written to them alone is theirs: its subject, headers and values.
_FORGET_EMAILS = text(
    """
    UPDATE emails SET subject = '', variables = NULL, headers = NULL, contact_id = NULL
    WHERE id IN (
        SELECT email_id FROM recipients
        WHERE account_id = :account_id AND address = ANY(CAST(:addresses AS text[]))
          AND NOT EXISTS (
            SELECT FROM recipients AS others
            WHERE others.email_id = recipients.email_id
              AND NOT others.address = ANY(CAST(:addresses AS text[]))))
    RETURNING id, content_id, campaign_id
    """
)

# A content is shared by emails of one request at most, which are of one moment; a campaign's is nobody's own.
_FORGET_CONTENTS = text(
    """
    UPDATE contents SET subject = '', html = NULL, text = '', raw_file_id = NULL, raw_size = NULL
    FROM unnest(CAST(:ids AS uuid[]), CAST(:lows AS uuid[]), CAST(:highs AS uuid[])) AS asked (id, low, high)
    WHERE contents.id = asked.id AND contents.account_id = :account_id AND NOT EXISTS (
        SELECT FROM emails
        WHERE emails.account_id = :account_id AND emails.id BETWEEN asked.low AND asked.high
          AND emails.content_id = asked.id AND NOT emails.id = ANY(CAST(:forgotten AS uuid[])))
    """
)

_FORGET_REJECTS = text(
    """
    DELETE FROM import_rejects USING imports
    WHERE imports.id = import_rejects.import_id AND imports.account_id = :account_id
      AND EXISTS (
        SELECT FROM unnest(CAST(:addresses AS text[])) AS address
        WHERE position(lower(address) IN lower(import_rejects.row)) > 0)
    """
)

_FORGET_RECIPIENTS = text(
    """
    UPDATE recipients SET address = 'erased@erased.invalid', name = NULL, smtp_reply = NULL
    WHERE account_id = :account_id AND address = ANY(CAST(:addresses AS text[]))
    """
)
#: How far apart the ids of one request's rows may be.
_ONE_REQUEST = timedelta(minutes=2)


def mail_to(tx: Connection, account_id: UUID, contact: Row) -> list[dict[str, Any]]:
    """The latest emails to a contact's address."""
    rows = tx.execute(_MAIL, {**_who(account_id, contact), "limit": MAX_EMAILS}).mappings()
    return [dict(row) for row in rows]


def has_mail_under_way(tx: Connection, account_id: UUID, contact: Row) -> bool:
    """Whether an email to them is still to be sent, or its outcome is not known."""
    return tx.execute(_UNFINISHED, _who(account_id, contact)).first() is not None


def erase(tx: Connection, account_id: UUID, contact: Row) -> None:
    """Takes the person out of everything but a suppression, which keeps them from being written to."""
    who = _who(account_id, contact)
    tx.execute(_FORGET_EVENTS, who)
    emails = tx.execute(_FORGET_EMAILS, who).all()
    bodies = {row.content_id for row in emails if row.campaign_id is None}
    tx.execute(
        _FORGET_CONTENTS,
        {
            "account_id": account_id,
            "ids": [str(id) for id in bodies],
            "lows": [str(id_floor(id_time(id) - _ONE_REQUEST)) for id in bodies],
            "highs": [str(id_floor(id_time(id) + _ONE_REQUEST)) for id in bodies],
            "forgotten": [str(row.id) for row in emails],
        },
    )
    tx.execute(_FORGET_RECIPIENTS, who)
    tx.execute(_FORGET_REJECTS, who)
    contact_store.remove(tx, account_id, contact["id"])


def _who(account_id: UUID, contact: Row) -> dict[str, Any]:
    email: str = contact["email"]
    return {"account_id": account_id, "addresses": list({email, email.lower()})}
