"""Which emails of the log are meant, as conditions: those that an index answers, and the others.

A range of time is a range of ids, which leaves other months' partitions alone. Of the rest an index has only
what is rare: emails in trouble (models/emails.TROUBLE), and events that few emails have.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Select, any_, exists, select

from shared.clock import iso
from shared.ids import id_floor
from shared.models import campaigns, emails, events, recipients
from shared.models.emails import RARE_EVENTS, TROUBLE

#: Events that a recipient's row has, too.
_OF_RECIPIENT = {"opened": recipients.c.opened_at, "clicked": recipients.c.clicked_at}


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

    def stored(self) -> dict[str, str]:
        """As JSON has it."""
        given = {name: value for name, value in vars(self).items() if value is not None}
        return {name: iso(v) if isinstance(v, datetime) else str(v) for name, v in given.items()}

    @classmethod
    def of(cls, stored: Mapping[str, str]) -> LogFilter:
        """What `stored` made."""
        kinds: dict[str, Callable[[str], Any]] = {
            "since": datetime.fromisoformat,
            "until": datetime.fromisoformat,
            "campaign_id": UUID,
        }
        return cls(**{name: kinds.get(name, str)(value) for name, value in stored.items()})


@dataclass(frozen=True)
class Conditions:
    """A filter of one account's log; what of it is searched for is not in it."""

    account_id: UUID
    which: LogFilter

    @classmethod
    def of(cls, tx: Connection, account_id: UUID, which: LogFilter) -> Conditions:
        """With a campaign's time for its emails' time."""
        query = select(campaigns.c.started_at, campaigns.c.finished_at).where(
            campaigns.c.account_id == account_id, campaigns.c.id == which.campaign_id
        )
        row = tx.execute(query).one_or_none() if which.campaign_id else None
        if row is None or row.started_at is None:
            return cls(account_id, which)
        since = max(which.since or row.started_at, row.started_at)
        untils = [moment for moment in (which.until, row.finished_at) if moment]
        return cls(account_id, replace(which, since=since, until=min(untils, default=None)))

    @property
    def are_none(self) -> bool:
        """Nothing is asked but a time."""
        which = self.which
        return self.are_indexed and not which.event and not which.status

    @property
    def are_indexed(self) -> bool:
        """An index answers all of it."""
        return not self._others()

    def range(self, id: ColumnElement[UUID]) -> list[ColumnElement[bool]]:
        """Its time, of an id."""
        found: list[ColumnElement[bool]] = []
        if self.which.since:
            found.append(id >= id_floor(self.which.since))
        if self.which.until:
            found.append(id < id_floor(self.which.until))
        return found

    def newest(self) -> Select[UUID]:
        """The ids of what an index answers, newest first."""
        event = f"email.{self.which.event}"
        if event in RARE_EVENTS:
            id = events.c.email_id
            query = (
                select(id).distinct().where(events.c.account_id == self.account_id, events.c.type == event)
            )
        else:
            id = emails.c.id
            query = select(id).where(emails.c.account_id == self.account_id)
            if self.which.status in TROUBLE:
                query = query.where(emails.c.status == self.which.status)
        return query.where(*self.range(id)).order_by(id.desc())

    def all(self, floor: UUID | None) -> list[ColumnElement[bool]]:
        """All of it, of `emails`; of ids from `floor` on."""
        found: list[ColumnElement[bool]] = [emails.c.account_id == self.account_id]
        found += self.range(emails.c.id)
        if self.which.status in TROUBLE:
            found.append(emails.c.status == self.which.status)
        event = f"email.{self.which.event}"
        if event in RARE_EVENTS:
            happened = select(events.c.email_id).where(
                events.c.account_id == self.account_id,
                events.c.type == event,
                *self.range(events.c.email_id),
                *([events.c.email_id >= floor] if floor else []),
            )
            found.append(emails.c.id.in_(happened))
        return [*found, *self._others(), *([emails.c.id >= floor] if floor else [])]

    def _others(self) -> list[ColumnElement[bool]]:
        which, found = self.which, list[ColumnElement[bool]]()
        if which.status and which.status not in TROUBLE:
            found.append(emails.c.status == which.status)
        if which.domain:
            found.append(emails.c.from_address.iendswith("@" + which.domain, autoescape=True))
        if which.tag:
            found.append(any_(emails.c.tags) == which.tag)
        if which.campaign_id:
            found.append(emails.c.campaign_id == which.campaign_id)
        if which.event and f"email.{which.event}" not in RARE_EVENTS:
            found.append(_happened(which.event))
        return found


def _happened(event: str) -> ColumnElement[bool]:
    column = _OF_RECIPIENT.get(event)
    if column is not None:
        return exists().where(recipients.c.email_id == emails.c.id, column.is_not(None))
    return exists().where(events.c.email_id == emails.c.id, events.c.type == f"email.{event}")
