"""What becomes of a campaign when sending begins: the one step that the gateway (at once) and the scheduler
(at its time) share. Refuses nothing that its caller has not checked; returns None where the state does not
allow it.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Connection, insert, select, text, update

from shared import campaign_states
from shared.clock import iso, now
from shared.contracts import SendBulkEmails, WorkOnCampaigns
from shared.events import record_event
from shared.footer import with_footer_html, with_footer_text
from shared.ids import new_id
from shared.models import accounts, campaigns, contents
from shared.outbox import emit, emit_all

_VERIFIED = text(
    """
    SELECT 1 FROM domains
    WHERE account_id = CAST(:account AS uuid) AND name = :name AND status = 'verified'
    """
)

# over the index of what is unfinished, of which a campaign has a bounded number
_QUEUED = text(
    """
    SELECT id FROM emails
    WHERE status = 'queued' AND due_at < now() + interval '1 day' AND campaign_id = CAST(:id AS uuid)
    ORDER BY id
    """
)

#: How soon a nudge that was lost is given again (seconds).
NUDGE_SECONDS = 5.0


def begin(tx: Connection, campaign: dict[str, Any], total: int) -> bool:
    """Freezes the content of `campaign` (a row that `tx` has locked) and lets the fan-out loose.

    Args:
        total: how many its audience has at this moment.

    Returns:
        False: its sender's domain is not verified any more, and it has failed.
    """
    moment = now()
    if not sender_verified(tx, campaign["account_id"], campaign["from_email"]):
        domain = campaign["from_email"].rpartition("@")[2]
        fail(tx, campaign["id"], f"The domain {domain} was not verified when sending was to begin.")
        return False
    _change(
        tx,
        campaign["id"],
        status=campaign_states.SENDING,
        content_id=_freeze(tx, campaign),
        total=total,
        started_at=moment,
        work_at=moment,
    )
    tell(tx, campaign["id"], "started")
    nudge(tx, campaign["id"])
    return True


def fail(tx: Connection, campaign_id: UUID, error: str) -> None:
    """Ends a campaign that can't go on; what it has queued is sent all the same."""
    _change(tx, campaign_id, status=campaign_states.FAILED, error=error, work_at=None, finished_at=now())
    tell(tx, campaign_id, "failed")


def tell(tx: Connection, campaign_id: UUID, deed: str) -> None:
    """Tells the account's webhooks what became of a campaign; what is told is as `tx` has left it."""
    row = tx.execute(select(campaigns).where(campaigns.c.id == campaign_id)).one()
    told = {
        "campaign_id": str(row.id),
        "name": row.name,
        "status": row.status,
        "test": row.test,
        "send_at": row.send_at and iso(row.send_at),
        "total": row.total,
        "error": row.error,
    }
    record_event(tx, row.account_id, f"campaign.{deed}", told, source="campaigns")


def nudge(tx: Connection, campaign_id: UUID) -> None:
    """Has the campaigns workers look at a campaign as soon as `tx` commits."""
    emit(tx, WorkOnCampaigns((str(campaign_id),)))


def requeue(tx: Connection, campaign_id: UUID) -> None:
    """Nudges the senders about all that a campaign has queued: the nudges of before its pause are spent."""
    ids = tx.execute(_QUEUED, {"id": str(campaign_id)}).scalars().all()
    emit_all(tx, [(chunk, None) for chunk in SendBulkEmails.chunked(ids)])


def sender_verified(tx: Connection, account_id: UUID, from_email: str) -> bool:
    """Whether the account may send from this address."""
    name = from_email.rpartition("@")[2]
    return tx.execute(_VERIFIED, {"account": str(account_id), "name": name}).first() is not None


def complete_content(tx: Connection, campaign: dict[str, Any]) -> dict[str, str | None]:
    """Subject, html and text of a campaign as they will be sent: with the footer that they lack."""
    address = tx.execute(
        select(accounts.c.postal_address).where(accounts.c.id == campaign["account_id"])
    ).scalar_one()
    html, plain = campaign["content_html"], campaign["content_text"]
    return {
        "subject": campaign["subject"],
        "html": html and with_footer_html(html, address),
        "text": plain and with_footer_text(plain, address),
    }


def _freeze(tx: Connection, campaign: dict[str, Any]) -> UUID:
    id = new_id()
    frozen = complete_content(tx, campaign)
    tx.execute(insert(contents).values(id=id, account_id=campaign["account_id"], attachments=0, **frozen))
    return id


def _change(tx: Connection, id: UUID, **values: Any) -> None:
    tx.execute(update(campaigns).where(campaigns.c.id == id).values(updated_at=now(), **values))
