"""A page of a campaign's audience → emails, recipients, ledger rows and the cursor, in one transaction.

One statement reads the next contacts behind the cursor and writes all that a page is; rows never travel to
this process and back. The ledger's key (campaign, contact) has the last word: whoever is in it already,
however that came about, gets no second email. Nudges for the senders go out with the same commit.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    String,
    Uuid,
    case,
    cast,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert

from services.campaigns import personal_sql
from shared import states
from shared.audience import Audience, by_index, recipients_of
from shared.clock import now
from shared.contracts import SendBulkEmails
from shared.ids import id_floor
from shared.models import campaign_recipients, campaigns, emails, recipients, usage
from shared.models.usage import SLOTS
from shared.outbox import emit_all
from shared.settings import settings
from shared.templates import parse

#: Where a page's ids have their running number: three hexadecimal digits.
_MOST = 0xFFF


@dataclass(frozen=True)
class Content:
    """The frozen content that a campaign's emails share."""

    subject: str
    html: str | None
    text: str | None


def expand(tx: Connection, campaign: Any, audience: Audience, content: Content, limit: int) -> int:
    """Writes the next page; returns how many contacts it took (fewer than `limit`: that was the last).

    Args:
        campaign: its row, locked by `tx`.
        limit: at most 4,095.
    """
    assert 0 < limit <= _MOST, limit
    by_index(tx, audience.rules)
    rows = tx.execute(_statement(campaign, audience, content, limit)).all()
    written = [row.email_id for row in rows if row.email_id is not None]
    if not rows:
        return 0
    tx.execute(
        update(campaigns)
        .where(campaigns.c.id == campaign.id)
        .values(cursor=rows[-1].contact_id, expanded=campaigns.c.expanded + len(written))
    )
    _count(tx, campaign.account_id, sum(not row.test for row in rows if row.email_id is not None))
    chunks = SendBulkEmails.chunked(written)
    emit_all(tx, [(chunk, None) for chunk in chunks])
    return len(rows)


def _statement(campaign: Any, audience: Audience, content: Content, limit: int) -> Select[Any]:
    """Reads the page and writes it; its rows are (contact_id, email_id or NULL, test), by contact."""
    moment = now()
    page = _page(campaign, audience, limit).cte("page")
    name, subject = parse(campaign.from_name or ""), parse(content.subject)
    used = [subject, parse(content.html or ""), parse(content.text or "")]
    names = [name for template in used for name in template.variables]
    fresh = select(
        page.c.id.label("contact_id"),
        page.c.email,
        _new_ids(page.c.id, moment).label("email_id"),
        personal_sql.variables(names, page).label("variables"),
        personal_sql.line(subject, page).label("subject"),
        func.nullif(personal_sql.line(name, page), "").label("from_name"),
        or_(
            literal(campaign.test), page.c.email.endswith(f"@{settings().simulator_domain}", autoescape=True)
        ).label("test"),
    ).cte("fresh")
    ledger = (
        upsert(campaign_recipients)
        .from_select(
            ["campaign_id", "contact_id", "email_id"],
            select(literal(campaign.id, Uuid), fresh.c.contact_id, fresh.c.email_id),
        )
        .on_conflict_do_nothing()
        .returning(campaign_recipients.c.contact_id)
        .cte("ledger")
    )
    new = fresh.join(ledger, ledger.c.contact_id == fresh.c.contact_id)
    mail = _emails(campaign, fresh, moment)
    written = insert(emails).from_select(list(mail), select(*mail.values()).select_from(new)).cte("mail")
    to = _recipients(campaign, fresh, moment)
    addressed = insert(recipients).from_select(list(to), select(*to.values()).select_from(new)).cte("to")
    return (
        select(
            fresh.c.contact_id,
            case((ledger.c.contact_id.is_not(None), fresh.c.email_id)).label("email_id"),
            fresh.c.test,
        )
        .select_from(fresh.outerjoin(ledger, ledger.c.contact_id == fresh.c.contact_id))
        .order_by(fresh.c.contact_id)
        .add_cte(written, addressed)
    )


def _page(campaign: Any, audience: Audience, limit: int) -> Select[Any]:
    query = recipients_of(campaign.account_id, audience, campaign.cursor)
    return query.order_by(query.selected_columns.id).limit(limit)


def _new_ids(order: ColumnElement[UUID], moment: datetime) -> ColumnElement[UUID]:
    """UUIDv7s (RFC 9562 §5.7) of `moment`, ascending with `order`: time, running number, 62 random bits."""
    head = str(id_floor(moment))[:14] + "7"
    number = func.lpad(func.to_hex(func.row_number().over(order_by=order)), 3, "0")
    random = func.substr(cast(func.gen_random_uuid(), String), 20)
    return cast(func.concat(head, number, "-", random), Uuid)


def _emails(campaign: Any, fresh: Any, moment: datetime) -> dict[str, ColumnElement[Any]]:
    domain = campaign.from_email.rpartition("@")[2]
    reply_to = [{"address": campaign.reply_to, "name": None}] if campaign.reply_to else None
    return {
        "id": fresh.c.email_id,
        "account_id": literal(campaign.account_id, Uuid),
        "credential_id": literal(campaign.credential_id, Uuid),
        "content_id": literal(campaign.content_id, Uuid),
        "campaign_id": literal(campaign.id, Uuid),
        "contact_id": fresh.c.contact_id,
        "stream": literal("bulk"),
        "status": literal(states.QUEUED),
        "message_id": func.concat("<", fresh.c.email_id, f"@{domain}>"),
        "from_address": literal(campaign.from_email),
        "from_name": fresh.c.from_name,
        "reply_to": literal(reply_to, emails.c.reply_to.type) if reply_to else null(),
        "subject": fresh.c.subject,
        "variables": fresh.c.variables,
        "test": fresh.c.test,
        "track_opens": literal(campaign.track_opens, emails.c.track_opens.type),
        "track_clicks": literal(campaign.track_clicks, emails.c.track_clicks.type),
        "due_at": literal(moment, emails.c.due_at.type),
        "created_at": literal(moment, emails.c.created_at.type),
        "updated_at": literal(moment, emails.c.updated_at.type),
    }


def _recipients(campaign: Any, fresh: Any, moment: datetime) -> dict[str, ColumnElement[Any]]:
    return {
        "email_id": fresh.c.email_id,
        "position": literal(0),
        "account_id": literal(campaign.account_id, Uuid),
        "kind": literal("to"),
        "address": fresh.c.email,
        "status": literal(states.QUEUED),
        "updated_at": literal(moment, recipients.c.updated_at.type),
    }


def _count(tx: Connection, account_id: UUID, sent: int) -> None:
    """What the page adds to the account's usage."""
    if not sent:
        return
    row = {"account_id": account_id, "day": now().date(), "slot": account_id.int % SLOTS}
    added = upsert(usage).values(**row, emails=sent, recipients=sent)
    tx.execute(
        added.on_conflict_do_update(
            index_elements=["account_id", "day", "slot"],
            set_={
                "emails": usage.c.emails + added.excluded.emails,
                "recipients": usage.c.recipients + added.excluded.recipients,
            },
        )
    )
