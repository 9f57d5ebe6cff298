"""Which recipient of which email a report is about: by VERP token, else by Message-ID and recipient."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from services.webhooks import queries
from shared.addresses import address_key
from shared.clock import now
from shared.ids import id_floor

#: Nobody reports on mail older than this; it bounds the months that a look-up touches.
_OLDEST = timedelta(days=45)


@dataclass(frozen=True)
class Report:
    """A stored delivery report."""

    id: UUID
    source: str
    said: Mapping[str, Any]
    received_at: datetime

    @property
    def message_id(self) -> str | None:
        """In angle brackets, as `emails.message_id` has it."""
        text = (self.said.get("message_id") or "").strip()
        return f"<{text.strip('<>')}>" if text else None

    @property
    def email_id(self) -> UUID | None:
        """What a VERP token said, which nobody can make up."""
        given = self.said.get("email_id")
        return UUID(given) if given else None


@dataclass
class Recipient:
    """A recipient as the database has it, locked together with its email."""

    email_id: UUID
    position: int
    account_id: UUID
    address: str
    status: str
    #: when the sender, or a report, last wrote it
    updated_at: datetime


def candidates(tx: Connection, reports: Sequence[Report]) -> dict[UUID, list[UUID]]:
    """Report id → the emails it may be about, likeliest first."""
    texts = {report.message_id for report in reports if report.message_id}
    own = {text: id for text in texts if (id := id_in(text))}
    found: dict[str, list[UUID]] = defaultdict(list)
    if own:
        for row in tx.execute(queries.EMAILS_BY_ID, {"ids": [str(id) for id in own.values()]}):
            if address_key(row.message_id) in {address_key(text) for text, id in own.items() if id == row.id}:
                found[address_key(row.message_id)].append(row.id)
    foreign = [text for text in texts if address_key(text) not in found]
    if foreign:
        floor = str(id_floor(now() - _OLDEST))
        for row in tx.execute(queries.EMAILS_BY_MESSAGE_ID, {"message_ids": foreign, "floor": floor}):
            found[address_key(row.message_id)].append(row.id)
    return {
        report.id: [report.email_id]
        if report.email_id
        else found.get(address_key(report.message_id or ""), [])
        for report in reports
    }


def id_in(message_id: str) -> UUID | None:
    """The id of our email that a Message-ID of our making holds: `<01a2….@example.com>`."""
    try:
        return UUID(message_id.strip("<>").partition("@")[0])
    except ValueError:
        return None


def addressed(
    report: Report, emails: Iterable[UUID], rows: Mapping[UUID, list[Recipient]]
) -> Recipient | None:
    """The recipient that `report` is about, among the recipients (`rows`) of `emails`."""
    position = report.said.get("position")
    wanted = address_key((report.said.get("recipient") or "").strip())
    for email_id in emails:
        listed = rows.get(email_id, [])
        for row in listed:
            if row.position == position or (position is None and address_key(row.address) == wanted):
                return row
        # a report that came back to us alone, and of an email to one alone, can be about nobody else
        if report.email_id and len(listed) == 1:
            return listed[0]
    return None
