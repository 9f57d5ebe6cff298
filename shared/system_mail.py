"""Mail of the install's own that no request asked for: rows of an email and the intent to send it.

What people ask for over HTTP (a password reset, an invitation) goes through the gateway's acceptance
(services/gateway/system_mail.py); this is for the services beside it.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Connection, insert, select

from shared import states
from shared.addresses import parse_address
from shared.clock import now
from shared.contracts import SendEmails
from shared.ids import new_id
from shared.models import contents, domains, emails, events, recipients, users
from shared.observability import get_logger
from shared.outbox import emit
from shared.settings import settings

log = get_logger("system_mail")


def owners(tx: Connection, account_id: UUID) -> list[str]:
    """The addresses of an account's owners."""
    of = (users.c.account_id == account_id) & (users.c.role == "owner") & users.c.active
    return list(tx.execute(select(users.c.email).where(of).order_by(users.c.id)).scalars())


def send(tx: Connection, to: str, subject: str, text: str) -> bool:
    """Writes a mail in the caller's transaction; False where the install has no sender of its own."""
    if not settings().system_sender:
        return False
    sender = parse_address(settings().system_sender)
    verified = (domains.c.name == sender.domain) & (domains.c.status == "verified")
    account_id = tx.execute(select(domains.c.account_id).where(verified)).scalar()
    if account_id is None:
        log.warning("system_mail.off", reason=f"{sender.domain} is not verified on this install")
        return False
    id, content_id, moment = new_id(), new_id(), now()
    tx.execute(insert(contents).values(id=content_id, account_id=account_id, subject=subject, text=text))
    tx.execute(
        insert(emails).values(
            id=id,
            account_id=account_id,
            content_id=content_id,
            stream="transactional",
            status=states.QUEUED,
            message_id=f"<{id}@{sender.domain}>",
            from_address=sender.email,
            from_name=sender.name,
            subject=subject,
            due_at=moment,
        )
    )
    tx.execute(
        insert(recipients).values(
            email_id=id, position=0, account_id=account_id, kind="to", address=to, status=states.QUEUED
        )
    )
    tx.execute(
        insert(events).values(
            id=new_id(),
            account_id=account_id,
            email_id=id,
            type="email.accepted",
            source="system",
            occurred_at=moment,
        )
    )
    emit(tx, SendEmails((str(id),)))
    return True
