"""Events in one strict order that nothing can join late: for the pull feed and for outgoing webhooks.

Neither ids nor times have the order in which transactions commit: who reads "everything after the last id"
skips what a slower transaction commits a moment later. So every event carries the id of its transaction, and
only those are shown whose transaction is older than any still running (`pg_snapshot_xmin`): all of these have
ended, and whatever comes later has a higher one. The order is (transaction, event id).

After a logical restore into a new server, transaction ids begin anew. A position from before, which is then
ahead of the server's own, counts as (0, id); docs/decisions/0014 has the one statement to run.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from shared.clock import iso
from shared.ids import id_floor, id_time

#: No event is older than its predecessor by more: transactions are short, but hits of the tracker have the
#: time of the hit, and wait on its disk while the database is away. It is what old partitions are left alone
#: by.
_SLACK = timedelta(days=35)
_LAST_ID = UUID(int=(1 << 128) - 1)


@dataclass(frozen=True, order=True)
class Position:
    """Behind which event to go on."""

    xid: int
    id: UUID

    def __str__(self) -> str:
        return f"{self.xid:x}-{self.id.hex}"

    @classmethod
    def parse(cls, text: str) -> Position:
        """What `str` made.

        Raises:
            ValueError: it is none.
        """
        xid, _, id = text.partition("-")
        if not xid or len(xid) > 15 or len(id) != 32:
            raise ValueError("not a position in the feed")
        position = cls(int(xid, 16), UUID(hex=id))
        _ = position.floor  # an id that has no time is not one of ours
        return position

    @property
    def floor(self) -> UUID:
        """No event behind this position has a smaller id."""
        moment = id_time(self.id) if self.id != _LAST_ID else datetime.now(UTC)
        return id_floor(max(moment - _SLACK, datetime.fromtimestamp(0, UTC)))


#: Before everything.
BEGINNING = Position(0, UUID(int=0))

#: As SQL: the first transaction that may still be running, as of the statement's own snapshot.
HORIZON = "pg_snapshot_xmin(pg_current_snapshot())::text::bigint"


def behind(at: str) -> str:
    """As SQL: whether a row of `events` lies behind `at`, which has `account_id`, `xid`, `id` and `floor`."""
    return f"""events.account_id = {at}.account_id
          AND (events.xid, events.id) > (CASE WHEN {at}.xid >= {HORIZON} THEN 0 ELSE {at}.xid END, {at}.id)
          AND events.xid < {HORIZON} AND events.id >= {at}.floor"""


_NOW = text(f"SELECT {HORIZON} - 1")

_COLUMNS = "events.xid, events.id, events.account_id, type, source, occurred_at, data, email_id, position"

# The horizon is that of the statement's own snapshot. Each account's part is one walk along its index.
_AFTER = text(
    f"""
    SELECT wanted.reader, found.* FROM unnest(
        CAST(:readers AS text[]), CAST(:accounts AS uuid[]),
        CAST(:xids AS bigint[]), CAST(:ids AS uuid[]), CAST(:floors AS uuid[])
    ) AS wanted (reader, account_id, xid, id, floor)
    CROSS JOIN LATERAL (
        SELECT {_COLUMNS} FROM events
        WHERE {behind("wanted")}
        ORDER BY events.xid, events.id LIMIT :each) AS found
    ORDER BY wanted.reader, found.xid, found.id
    """  # noqa: S608 - constants of our own
)

_EMAILS = text(
    """
    SELECT id, message_id, from_address, subject, tags, campaign_id, contact_id, test, created_at
    FROM emails WHERE id = ANY(CAST(:ids AS uuid[]))
    """
)

_CONTACTS = text(
    """
    SELECT id, account_id, email, first_name, last_name FROM contacts WHERE id = ANY(CAST(:ids AS uuid[]))
    """
)

_RECIPIENTS = text(
    """
    SELECT email_id, position, address, kind FROM recipients
    WHERE email_id = ANY(CAST(:ids AS uuid[])) ORDER BY email_id, position
    """
)


@dataclass(frozen=True)
class Reader:
    """Who reads: any name, whose events, and how far they are."""

    name: str
    account_id: UUID
    position: Position


@dataclass(frozen=True)
class Told:
    """One event as customers get it; `id` is what they tell repeats by."""

    id: str
    type: str
    timestamp: str
    data: dict[str, Any]

    def body(self) -> dict[str, Any]:
        """The body of a webhook: Standard Webhooks' recommended form."""
        return {"type": self.type, "timestamp": self.timestamp, "data": self.data}


def now_position(tx: Connection) -> Position:
    """Behind everything whose transaction has ended by now."""
    return Position(tx.execute(_NOW).scalar_one(), _LAST_ID)


def read_after(tx: Connection, readers: Sequence[Reader], each: int) -> dict[str, list[Any]]:
    """The next events of each reader, at most `each`, as rows in the order of the feed."""
    rows: dict[str, list[Any]] = {reader.name: [] for reader in readers}
    if not readers:
        return rows
    found = tx.execute(
        _AFTER,
        {
            "readers": [reader.name for reader in readers],
            "accounts": [str(reader.account_id) for reader in readers],
            "xids": [reader.position.xid for reader in readers],
            "ids": [str(reader.position.id) for reader in readers],
            "floors": [str(reader.position.floor) for reader in readers],
            "each": each,
        },
    )
    for row in found:
        rows[row.reader].append(row)
    return rows


def position_of(row: Any) -> Position:
    """Where a row of the feed is."""
    return Position(row.xid, row.id)


def tell(tx: Connection, rows: Iterable[Any]) -> list[list[Told]]:
    """What customers get of each of `rows`: one event a recipient, so one row may be several."""
    rows = list(rows)
    ids = [str(id) for id in {row.email_id for row in rows if row.email_id}]
    emails = {row.id: row for row in tx.execute(_EMAILS, {"ids": ids})} if ids else {}
    recipients: dict[UUID, list[Any]] = {}
    for item in tx.execute(_RECIPIENTS, {"ids": ids}) if ids else ():
        recipients.setdefault(item.email_id, []).append(item)
    contacts = _contacts(tx, [row for row in rows if row.email_id is None])
    return [
        _tell(row, emails.get(row.email_id), recipients.get(row.email_id, []))
        if row.email_id
        else [Told(str(row.id), row.type, iso(row.occurred_at), _own_data(row, contacts))]
        for row in rows
    ]


def _contacts(tx: Connection, rows: Sequence[Any]) -> dict[str, Any]:
    """The contacts that these events name, by id."""
    ids = {str(row.data["contact_id"]) for row in rows if row.data and row.data.get("contact_id")}
    return {str(row.id): row for row in tx.execute(_CONTACTS, {"ids": list(ids)})} if ids else {}


def _own_data(row: Any, contacts: dict[str, Any]) -> dict[str, Any]:
    """`data` of an event that is about no email.

    A contact is told as it is known by now: the event itself has no names that an erasure would have to find.
    """
    data: dict[str, Any] = row.data or {}
    if "contact_id" not in data:
        return data
    found = contacts.get(str(data["contact_id"]))
    known = found if found and found.account_id == row.account_id else None
    return {
        "email": known and known.email,
        "first_name": known and known.first_name,
        "last_name": known and known.last_name,
        "source": row.source,
        **data,
    }


def _tell(row: Any, email: Any, recipients: Sequence[Any]) -> list[Told]:
    moment = iso(row.occurred_at)
    about = [item for item in recipients if row.position in (None, item.position)]
    alone = len(about) <= 1 or row.position is not None
    return [
        Told(
            str(row.id) if alone else f"{row.id}-{item.position}",
            row.type,
            moment,
            _email_data(row, email, item),
        )
        for item in about or [None]
    ]


def _email_data(row: Any, email: Any, recipient: Any) -> dict[str, Any]:
    """`data` of an email's event. What retention has dropped is null."""
    return {
        "email_id": str(row.email_id),
        "message_id": email.message_id if email else None,
        "recipient": recipient.address if recipient else None,
        "recipient_kind": recipient.kind if recipient else None,
        "from": email.from_address if email else None,
        "subject": email.subject if email else None,
        "tags": (email.tags if email else None) or [],
        "campaign_id": str(email.campaign_id) if email and email.campaign_id else None,
        "contact_id": str(email.contact_id) if email and email.contact_id else None,
        "test": email.test if email else False,
        "created_at": iso(email.created_at) if email else None,
        "source": row.source,
        **{key: value for key, value in (row.data or {}).items() if key not in _OWN},
    }


_OWN = frozenset({"email_id", "message_id", "recipient", "from", "subject", "source"})
