"""The log of what was sent: filters, search, a bounded count, and pages by number or behind an id.

Nothing is read that is not asked for: a range of time is a range of ids, which leaves other months'
partitions alone; newest first is the order of an index; and counting ends at `COUNTED`. A search has
branches, each with its own index: parts of recipients' addresses (trigrams), a Message-ID, and parts of
subjects among the latest `SUBJECTS` emails, because an index of subjects costs too much (models/emails).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Select, any_, exists, func, or_, select, text, union_all

from shared.ids import id_floor
from shared.models import campaigns, emails, events, recipients
from shared.models.emails import FOREIGN_MESSAGE_ID

#: Emails that are counted of what a filter finds, and that are searched by subject.
COUNTED, SUBJECTS = 10_000, 50_000

_UUID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}", re.IGNORECASE)
#: Events that a recipient's row has, too.
_OF_RECIPIENT = {
    "opened": recipients.c.opened_at,
    "clicked": recipients.c.clicked_at,
}


@dataclass(frozen=True)
class LogFilter:
    """Which emails; None: whatever it is. `domain` is the sender's, `event` without its `email.`."""

    search: str | None = None
    status: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    domain: str | None = None
    tag: str | None = None
    campaign_id: UUID | None = None
    event: str | None = None


@dataclass(frozen=True)
class Found:
    """How many emails a filter finds, `COUNTED` at most (then not `exact`)."""

    total: int
    exact: bool


@dataclass(frozen=True)
class Part:
    """At most `limit` of what is found, after (older than) an id, or behind `offset` others."""

    limit: int
    after: UUID | None = None
    offset: int = 0
    #: how many emails are searched by subject; None: all
    subjects: int | None = SUBJECTS


def count(tx: Connection, account_id: UUID, which: LogFilter) -> Found:
    """How many the filter finds."""
    ids = ids_of(tx, account_id, which, Part(COUNTED + 1)).subquery()
    total = tx.execute(select(func.count()).select_from(ids)).scalar_one()
    return Found(min(total, COUNTED), total <= COUNTED)


def ids_of(tx: Connection, account_id: UUID, which: LogFilter, part: Part) -> Select[Any]:
    """Selects the ids that the filter finds, newest first."""
    conditions = _conditions(tx, account_id, which)
    if part.after:
        conditions.append(emails.c.id < part.after)
    if not which.search:
        query = select(emails.c.id).where(*conditions)
        return query.order_by(emails.c.id.desc()).limit(part.limit).offset(part.offset)
    branches = [_addressed(account_id, which, conditions, part), *_named(which.search, conditions, part)]
    most = part.limit + part.offset
    either = union_all(
        *(select(branch.order_by(text("1 DESC")).limit(most).subquery()) for branch in branches)
    ).subquery()
    found = select(either.c.id).distinct()
    return found.order_by(either.c.id.desc()).limit(part.limit).offset(part.offset)


def subjects_since(tx: Connection, account_id: UUID, which: LogFilter) -> datetime | None:
    """When the oldest email was accepted whose subject a search looks at; None: all are."""
    if not which.search:
        return None
    query = select(emails.c.created_at).where(*_conditions(tx, account_id, which))
    oldest = tx.execute(query.order_by(emails.c.id.desc()).offset(SUBJECTS).limit(1)).scalar_one_or_none()
    return oldest if isinstance(oldest, datetime) else None


def _addressed(
    account_id: UUID, which: LogFilter, conditions: list[ColumnElement[bool]], part: Part
) -> Select[Any]:
    words = (which.search or "").lower()
    query = select(recipients.c.email_id.label("id")).distinct()
    query = query.where(
        recipients.c.account_id == account_id,
        func.lower(recipients.c.address).contains(words, autoescape=True),
        # said of both sides, so that either can be read alone
        *_range(which, recipients.c.email_id),
        *([recipients.c.email_id < part.after] if part.after else []),
    )
    if which == LogFilter(search=which.search, since=which.since, until=which.until):
        return query
    return query.join(emails, emails.c.id == recipients.c.email_id).where(*conditions)


def _named(words: str, conditions: list[ColumnElement[bool]], part: Part) -> list[Select[Any]]:
    """By subject, by Message-ID, and by id, which is in every Message-ID of our own making."""
    latest = (
        select(emails.c.id, emails.c.subject, emails.c.message_id)
        .where(*conditions)
        .order_by(emails.c.id.desc())
        .limit(part.subjects)
        .subquery()
    )
    parts = (latest.c.subject, latest.c.message_id)
    spoken = select(latest.c.id).where(or_(*(column.icontains(words, autoescape=True) for column in parts)))
    bare = words.strip().removeprefix("<").removesuffix(">")
    is_foreign = text(
        FOREIGN_MESSAGE_ID.replace("message_id", "emails.message_id").replace(" id:", " emails.id:")
    )
    foreign = select(emails.c.id).where(*conditions, emails.c.message_id == f"<{bare}>", is_foreign)
    own = _UUID.search(words)
    if own is None:
        return [spoken, foreign]
    return [spoken, foreign, select(emails.c.id).where(*conditions, emails.c.id == UUID(own[0]))]


def _conditions(tx: Connection, account_id: UUID, which: LogFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [emails.c.account_id == account_id, *_range(which)]
    if which.status:
        conditions.append(emails.c.status == which.status)
    if which.domain:
        conditions.append(emails.c.from_address.iendswith("@" + which.domain, autoescape=True))
    if which.tag:
        conditions.append(any_(emails.c.tags) == which.tag)
    if which.campaign_id:
        conditions += [emails.c.campaign_id == which.campaign_id, *_of_campaign(tx, account_id, which)]
    if which.event:
        conditions.append(_happened(which.event))
    return conditions


def _range(which: LogFilter, id: ColumnElement[UUID] = emails.c.id) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if which.since:
        found.append(id >= id_floor(which.since))
    if which.until:
        found.append(id < id_floor(which.until))
    return found


def _of_campaign(tx: Connection, account_id: UUID, which: LogFilter) -> list[ColumnElement[bool]]:
    """When a campaign's emails were made."""
    query = select(campaigns.c.started_at, campaigns.c.finished_at).where(
        campaigns.c.account_id == account_id, campaigns.c.id == which.campaign_id
    )
    row = tx.execute(query).one_or_none()
    if row is None or row.started_at is None:
        return []
    return _range(LogFilter(since=row.started_at, until=row.finished_at))


def _happened(event: str) -> ColumnElement[bool]:
    column = _OF_RECIPIENT.get(event)
    if column is not None:
        return exists().where(recipients.c.email_id == emails.c.id, column.is_not(None))
    return exists().where(events.c.email_id == emails.c.id, events.c.type == f"email.{event}")
