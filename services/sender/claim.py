"""Ids → jobs under a lease, and back when they can't be worked on now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from services.sender import queries
from services.sender.jobs import Attachment, Content, Job, RawFile, Recipient
from services.sender.signers import Sending, signers
from services.sender.tracked import Reader
from shared import states
from shared.contracts import SEND_BY_STREAM
from shared.db import by_key
from shared.outbox import emit_all
from shared.settings import settings
from shared.suppressions import UNSUBSCRIBE, suppressed
from shared.tracking import tracking_urls, whom


def claim(tx: Connection, ids: Sequence[str], lease_seconds: float) -> list[Job]:
    """The jobs among `ids` that are due and free, now ours for `lease_seconds`."""
    by_key(tx)
    rows = queries.CLAIM.execute(tx, {"ids": sorted(ids), "lease": lease_seconds}).all()
    if not rows:
        return []
    recipients = _recipients(tx, rows)
    contents = _contents(tx, list({row.content_id for row in rows}))
    domains = [_domain(row) for row in rows]
    sending = signers().of(tx, set(domains))
    return [
        _job(row, domain[0], recipients[row.id], contents[row.content_id], sending[domain])
        for row, domain in zip(rows, domains, strict=True)
    ]


def _job(
    email: Row[Any], account_id: UUID, recipients: list[Recipient], content: Content, sending: Sending
) -> Job:
    return Job(
        email_id=email.id,
        account_id=account_id,
        attempt=email.attempts,
        stream=email.stream,
        message_id=email.message_id,
        wanted_at=email.wanted_at,
        request_id=email.request_id,
        test=email.test,
        sender=(email.from_name, email.from_address),
        reply_to=[(item["name"], item["address"]) for item in email.reply_to or ()],
        headers=[(name, value) for name, value in email.headers or ()],
        variables=email.variables,
        content_id=_shared(email.content_id),
        content=content,
        recipients=recipients,
        signers=sending.signers,
        return_path=sending.return_path,
        reader=_reader(email, sending, recipients),
        contact_id=email.contact_id,
        campaign_id=email.campaign_id and _shared(email.campaign_id),
    )


#: Ids that a chunk's emails share, as everything about them.
_shared = lru_cache(maxsize=256)(UUID)


def _domain(email: Row[Any]) -> tuple[UUID, str]:
    """Whose DKIM keys sign an email, and whose host its bounces go to."""
    return _shared(email.account_id), email.from_address.rpartition("@")[2]


def _reader(email: Row[Any], sending: Sending, recipients: Sequence[Recipient]) -> Reader | None:
    """Whom the email's links are for, and what is tracked: as it, its domain or the install says."""
    config = settings()
    if not config.master_keys:  # nobody could tell our links from forged ones
        return None
    own_host = sending.tracking_host and config.tracking_domains
    return Reader(
        tracking_urls(_domain(email)[1] if own_host else None),
        whom(UUID(email.id), recipients[0].position if len(recipients) == 1 else None),
        opens=_said(email.track_opens, sending.track_opens, config.track_opens),
        clicks=_said(email.track_clicks, sending.track_clicks, config.track_clicks),
        text=config.track_text_links,
        trap=config.track_trap,
        home=config.public_url,
    )


def _said(email: bool | None, domain: bool | None, install: bool) -> bool:
    """What the closest says of those that say anything."""
    if email is not None:
        return email
    return install if domain is None else domain


def _contents(tx: Connection, ids: Sequence[str]) -> dict[str, Content]:
    """The contents with these ids; attachments are only asked for where there are any."""
    rows = queries.CONTENTS.execute(tx, {"ids": ids}).all()
    attached: dict[str, list[Attachment]] = defaultdict(list)
    having = [row.id for row in rows if row.attachments]
    for item in tx.execute(queries.ATTACHMENTS, {"ids": having}) if having else ():
        attached[item.content_id].append(
            Attachment(item.file_id, item.size, item.filename, item.content_type, item.cid)
        )
    return {
        row.id: Content(
            row.subject,
            row.html,
            row.text,
            attached.get(row.id, ()),
            RawFile(row.raw_file_id, row.raw_size) if row.raw_file_id else None,
        )
        for row in rows
    }


def _recipients(tx: Connection, claimed: Sequence[Row[Any]]) -> dict[str, list[Recipient]]:
    """The recipients of `claimed`, by email; who was suppressed since the email was accepted is not open."""
    emails = {row.id: row for row in claimed}
    found = queries.RECIPIENTS.execute(tx, {"ids": list(emails)})
    rows = [(emails[row.email_id], row, row.status in states.PENDING) for row in found]
    barred = suppressed(tx, [(_shared(email.account_id), row.address) for email, row, waits in rows if waits])
    recipients: dict[str, list[Recipient]] = defaultdict(list)
    for email, row, waits in rows:
        reason = barred.reason(_shared(email.account_id), row.address, email.stream) if waits else None
        if waits and email.has_left:
            reason = reason or UNSUBSCRIBE
        recipients[email.id].append(
            Recipient(row.position, row.kind, row.address, row.name, row.status, waits and not reason, reason)
        )
    return recipients


def release(tx: Connection, held: Sequence[tuple[str, int]]) -> None:
    """Gives claimed emails back, to be taken up at once by another sender: (email id, attempt) pairs."""
    if not held:
        return
    given_back = tx.execute(
        queries.RELEASE,
        {"ids": [email_id for email_id, _ in held], "attempts": [attempt for _, attempt in held]},
    ).all()
    for stream, message in SEND_BY_STREAM.items():
        ids = [row.id for row in given_back if row.stream == stream]
        emit_all(tx, [(chunk, None) for chunk in message.chunked(ids)])
