"""What is too old goes, by months and by accounts; what is unfinished stays with all it needs."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from services.campaigns.retention import TABLES, Ages, forget
from shared.clock import now
from shared.ids import id_floor
from shared.partitions import MONTHS_AHEAD, drop_month, ensure_partitions, month_after, month_of, months_of
from tests.fixtures.api import Client, new_client
from tests.fixtures.cluster import Cluster
from tests.fixtures.database import Database

_NEVER = threading.Event()

_WRITE = (
    "INSERT INTO files (id, account_id, data) VALUES (:file, :account, 'x')",
    "INSERT INTO contents (id, account_id, subject, text, attachments) "
    "VALUES (:content, :account, 'x', 'x', 1)",
    "INSERT INTO attachments (content_id, position, filename, content_type, file_id, size) "
    "VALUES (:content, 0, 'x', 'text/plain', :file, 1)",
    "INSERT INTO emails (id, account_id, content_id, stream, status, message_id, from_address, subject, "
    "due_at) VALUES (:email, :account, :content, 'bulk', :status, CAST(:email AS text), 'x@x.test', 'x', "
    "now() + interval '1 day')",
    "INSERT INTO recipients (email_id, position, account_id, kind, address, status) "
    "VALUES (:email, 0, :account, 'to', 'x@x.test', :status)",
    "INSERT INTO events (id, account_id, email_id, type, source, occurred_at) "
    "VALUES (:email, :account, :email, 'email.accepted', 'gateway', :moment)",
)
_LEFT = """
    SELECT 'files' FROM files WHERE id = :file
    UNION SELECT 'contents' FROM contents WHERE id = :content
    UNION SELECT 'attachments' FROM attachments WHERE content_id = :content
    UNION SELECT 'emails' FROM emails WHERE id = :email
    UNION SELECT 'recipients' FROM recipients WHERE email_id = :email
    UNION SELECT 'events' FROM events WHERE email_id = :email
"""
_BODIES = {"files", "contents", "attachments"}
_ALL = _BODIES | {"emails", "recipients", "events"}


@dataclass(frozen=True)
class Old:
    """An email of some time ago, with all that it has."""

    ids: dict[str, str]

    @classmethod
    def write(cls, database: Database, account: UUID, moment: datetime, status: str) -> Old:
        """Straight into the tables."""
        ids = {name: _id(moment) for name in ("file", "content", "email")}
        given = {**ids, "account": account, "moment": moment, "status": status}
        for statement in _WRITE:
            database.run(statement, **{name: given[name] for name in given if f":{name}" in statement})
        return cls(ids)

    def left(self, database: Database) -> set[str]:
        """Which tables have something of it."""
        return {table for (table,) in database.all(_LEFT, **self.ids)}

    def end(self, database: Database) -> None:
        """Nobody waits for it any more."""
        database.run("UPDATE emails SET status = 'cancelled' WHERE id = :id", id=self.ids["email"])


@pytest.fixture(scope="module")
def api(running: Cluster) -> Client:
    """A tenant who keeps what the install keeps."""
    return new_client(running)


@pytest.fixture(scope="module")
def account(api: Client) -> UUID:
    """Who they are."""
    return UUID(api.get("/api/account").json()["id"])


@pytest.fixture
def old_months(database: Database) -> Iterator[tuple[datetime, datetime]]:
    """Two moments of months that are past every age, with partitions."""
    moments = _days_ago(560), _days_ago(480)
    with database.engine.begin() as tx:
        for moment in moments:
            ensure_partitions(tx, moment)
    yield moments
    with database.engine.begin() as tx:
        for table in _tables():
            for month in months_of(tx, table):
                if month < month_of(now()):
                    drop_month(tx, table, month)


def test_months_past_every_age_are_dropped_and_what_is_unfinished_keeps_its_own(
    account: UUID, database: Database, in_process: None, old_months: tuple[datetime, datetime]
) -> None:
    past, held = old_months
    finished = [Old.write(database, account, moment, "sent") for moment in (past, held)]
    waiting = Old.write(database, account, held, "scheduled")
    forget(now(), _NEVER)
    assert [mail.left(database) for mail in finished] == [set(), set()]
    assert waiting.left(database) == _ALL
    for table in _tables():
        months = _months(database, table)
        assert month_of(past) not in months or table == "events"
        assert month_of(held) in months
    waiting.end(database)
    forget(now(), _NEVER)
    assert waiting.left(database) == set()
    for table in _tables():
        assert not {month_of(past), month_of(held)} & _months(database, table)


def test_an_account_that_keeps_less_has_its_own_deleted_and_nobody_elses(
    running: Cluster, account: UUID, database: Database, in_process: None
) -> None:
    brief = new_client(running)
    theirs = UUID(brief.get("/api/account").json()["id"])
    changed = brief.request("PATCH", "/api/account", json={"keep_bodies_days": 3, "keep_logs_days": 20})
    assert changed.status_code == 200, changed.text
    mail = {
        id: [Old.write(database, id, _days_ago(days), "sent") for days in (1, 10, 30)]
        for id in (theirs, account)
    }
    unfinished = Old.write(database, theirs, _days_ago(30), "deferred")
    forget(now(), _NEVER)
    assert [item.left(database) for item in mail[theirs]] == [_ALL, _ALL - _BODIES, {"events"}]
    assert [item.left(database) for item in mail[account]] == [_ALL] * 3
    assert unfinished.left(database) == _ALL
    unfinished.end(database)


def test_partitions_are_made_ahead_of_time(database: Database) -> None:
    for table in _tables():
        month, made = month_of(now()), _months(database, table)
        for _ in range(MONTHS_AHEAD + 1):
            assert month in made, (table, month)
            month = month_after(month)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"keep_bodies_days": 0}, "/keep_bodies_days"),
        ({"keep_events_days": 6}, "/keep_events_days"),
        ({"keep_logs_days": 401}, "/keep_logs_days"),
        ({"keep_logs_days": "8"}, "/keep_logs_days"),
    ],
)
def test_an_account_keeps_no_longer_than_the_install(api: Client, body: dict[str, Any], pointer: str) -> None:
    refused = api.request("PATCH", "/api/account", json=body)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, pointer)
    back = api.request("PATCH", "/api/account", json=dict.fromkeys(body))
    assert back.status_code == 200, back.text


@dataclass(frozen=True)
class Kept:
    """As much of an account as decides."""

    id: UUID
    keep_logs_days: int | None


@pytest.mark.parametrize(
    ("days", "everybodys", "own"),
    [
        ([None, None], 400, {}),
        ([None, 7], 400, {1: 7}),
        ([500, None], 500, {1: 400}),
        ([7, 7], 7, {}),
    ],
)
def test_everybodys_age_is_the_longest(
    in_process: None, days: list[int | None], everybodys: int, own: dict[int, int]
) -> None:
    moment = datetime(2026, 6, 1, tzinfo=UTC)
    found = Ages.of([Kept(UUID(int=number), kept) for number, kept in enumerate(days)], "logs", moment)
    assert found.everybodys == moment - timedelta(days=everybodys)
    assert found.own == {UUID(int=number): moment - timedelta(days=kept) for number, kept in own.items()}


def _tables() -> list[str]:
    return [table for tables in TABLES.values() for table in tables]


def _months(database: Database, table: str) -> set[datetime]:
    with database.engine.begin() as tx:
        return set(months_of(tx, table))


def _days_ago(days: int) -> datetime:
    return now() - timedelta(days=days)


def _id(moment: datetime) -> str:
    return str(UUID(int=id_floor(moment).int | (uuid.uuid4().int & ((1 << 80) - 1))))
