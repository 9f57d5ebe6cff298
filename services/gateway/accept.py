"""Intent → rows and an outbox message: the ONE way in for the API, batches and SMTP.

`draft` decides ids and rows without a database, so the answer is known, and can be kept under an idempotency
key, before anything is written. `write` writes all that a 202 promises in the caller's transaction, with the
same few statements however many emails there are. Refuses nothing: what comes here has been validated
(schemas) and admitted (admission).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from services.gateway import queries
from services.gateway.files import File
from services.gateway.intents import Intent
from services.gateway.principal import Principal
from shared import states
from shared.clock import iso, now
from shared.contracts import SendEmails
from shared.ids import new_id
from shared.metrics import Counter
from shared.models.usage import SLOTS
from shared.observability import current_request_id
from shared.outbox import emit_all

_ACCEPTED = Counter("mailmatic_emails_accepted_total", "Emails that were accepted.")


@dataclass(frozen=True, slots=True)
class Accepted:
    """What the caller is told about an email that is now ours. `send_at`: scheduled for then."""

    id: UUID
    message_id: str
    due_at: datetime
    send_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """Emails ready to be written; `accepted` is what their sender is told, in the order of the intents."""

    accepted: list[Accepted]
    rows: queries.AcceptedRows


@dataclass(frozen=True, slots=True)
class _Stored:
    """What a draft's rows hold already: contents by what they say, files by what is in them."""

    contents: dict[tuple[Any, ...], UUID] = field(default_factory=dict)
    files: dict[bytes, UUID] = field(default_factory=dict)


def draft(principal: Principal, intents: Sequence[Intent]) -> Draft:
    """`intents` as rows; what several of them say alike is one content."""
    moment = now()
    rows = queries.AcceptedRows()
    stored = _Stored()
    accepted = [_draft(rows, stored, principal, intent, moment) for intent in intents]
    _count(rows, principal.account_id, moment)
    return Draft(accepted, rows)


def write(tx: Connection, drafted: Draft) -> None:
    """Writes drafted emails and their intent to be sent.

    What is scheduled says nothing to the sender yet: its release does (shared.schedule).
    """
    if not drafted.accepted:
        return
    queries.insert_accepted(tx, drafted.rows)
    _ACCEPTED.inc(len(drafted.accepted))
    at_once = [item.id for item in drafted.accepted if item.send_at is None]
    emit_all(tx, [(chunk, None) for chunk in SendEmails.chunked(at_once)])


def _count(rows: queries.AcceptedRows, account_id: UUID, moment: datetime) -> None:
    """What these emails add to the account's usage; test emails nothing."""
    counted = {row["id"] for row in rows.emails if not row["test"]}
    if counted:
        rows.usage.append(
            {
                "account_id": account_id,
                "day": moment.date(),
                "slot": rows.emails[0]["id"].int % SLOTS,
                "emails": len(counted),
                "recipients": sum(row["email_id"] in counted for row in rows.recipients),
            }
        )


def _content(
    rows: queries.AcceptedRows, stored: _Stored, account_id: UUID, intent: Intent, moment: datetime
) -> UUID:
    """The id of what the intent says, which is a new row unless another one says the same."""
    carried = [
        (
            item.filename,
            item.content_type,
            item.cid,
            _stored_file(rows, stored, account_id, item.data),
            len(item.data),
        )
        for item in intent.attachments
    ]
    raw = intent.raw and (_stored_file(rows, stored, account_id, intent.raw.data), len(intent.raw.data))
    says = (intent.subject, intent.html, intent.text, raw, *carried)
    if says in stored.contents:
        return stored.contents[says]
    stored.contents[says] = id = new_id()
    rows.contents.append(
        {
            "id": id,
            "account_id": account_id,
            "subject": intent.subject,
            "html": intent.html,
            "text": intent.text,
            "attachments": len(carried),
            "raw_file_id": raw[0] if raw else None,
            "raw_size": raw[1] if raw else None,
            "created_at": moment,
        }
    )
    rows.attachments.extend(
        {
            "content_id": id,
            "position": position,
            "filename": filename,
            "content_type": content_type,
            "cid": cid,
            "file_id": file_id,
            "size": size,
        }
        for position, (filename, content_type, cid, file_id, size) in enumerate(carried)
    )
    return id


def _stored_file(rows: queries.AcceptedRows, stored: _Stored, account_id: UUID, data: bytes) -> UUID:
    if data not in stored.files:
        stored.files[data] = id = new_id()
        rows.files.append(File(id, account_id, data))
    return stored.files[data]


def _draft(
    rows: queries.AcceptedRows, stored: _Stored, principal: Principal, intent: Intent, moment: datetime
) -> Accepted:
    id = new_id()
    account_id, sender = principal.account_id, intent.sender
    message_id = (intent.raw and intent.raw.message_id) or f"<{id}@{sender.domain}>"
    status = states.QUEUED if intent.send_at is None else states.SCHEDULED
    due_at = intent.send_at or moment
    rows.emails.append(
        {
            "id": id,
            "account_id": account_id,
            "credential_id": principal.credential_id,
            "content_id": _content(rows, stored, account_id, intent, moment),
            "stream": "transactional",
            "status": status,
            "message_id": message_id,
            "from_address": sender.email,
            "from_name": sender.name,
            "reply_to": [{"address": item.email, "name": item.name} for item in intent.reply_to] or None,
            "headers": [list(pair) for pair in intent.headers] or None,
            "subject": intent.subject_line,
            "variables": intent.variables,
            "test": principal.test or intent.simulated,
            "tags": list(intent.tags) or None,
            "track_opens": intent.track_opens,
            "track_clicks": intent.track_clicks,
            "send_at": intent.send_at,
            "due_at": due_at,
            "request_id": current_request_id(),
            "created_at": moment,
            "updated_at": moment,
        }
    )
    rows.recipients.extend(
        {
            "email_id": id,
            "position": position,
            "account_id": account_id,
            "kind": item.kind,
            "address": item.address.email,
            "name": item.address.name,
            "status": status,
            "updated_at": moment,
        }
        for position, item in enumerate(intent.recipients)
    )
    rows.events.append(
        {
            "id": new_id(),
            "account_id": account_id,
            "email_id": id,
            "type": "email.accepted" if intent.send_at is None else "email.scheduled",
            "source": "gateway",
            "occurred_at": moment,
            "data": None if intent.send_at is None else {"send_at": iso(intent.send_at)},
        }
    )
    return Accepted(id, message_id, due_at, intent.send_at)
