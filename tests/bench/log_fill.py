"""A log of any size, written straight into the database: emails, recipients, events and their statistics.

A batch is one INSERT … SELECT a table. Indexes are made afterwards, as they would be for a restored backup.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, text

from shared.partitions import ensure_partitions
from tests.bench.cluster import Bench
from tests.fixtures.api import Client, new_client

#: How far back the log goes, and emails of one statement.
DAYS, _BATCH = 180, 250_000
CAMPAIGNS = 20
_TABLES = ("emails", "recipients", "events")

# Email n of N is of its own millisecond; its id is of that and of n.
_NUMBERED = """
    SELECT n, CASE WHEN n % 10 = 0 THEN CAST(:other AS uuid) ELSE CAST(:account AS uuid) END AS account_id,
        moment, CAST(lpad(to_hex(CAST(extract(epoch FROM moment) * 1000 AS bigint)), 12, '0') || '7000'
            || lpad(to_hex(CAST(n AS bigint) + (CAST(8 AS bigint) << 60)), 16, '0') AS uuid) AS id,
        (ARRAY['maria', 'john', 'wei', 'fatima', 'olga', 'pedro', 'ada'])[1 + n % 7] || n || '@'
            || (ARRAY['gmail.com', 'example.org', 'web.de'])[1 + n % 3]
            || CASE WHEN n % 5000 = 1 THEN '.rare' ELSE '' END AS address,
        CASE n % 50 WHEN 3 THEN 'bounced' WHEN 1 THEN 'sent' ELSE 'delivered' END AS status,
        CASE WHEN n % 3 > 0 THEN 1 + n * :campaigns / :whole END AS campaign
    FROM generate_series(:first, :last) AS n,
        LATERAL (SELECT CAST(:since AS timestamptz) + n * CAST(:step AS interval) AS moment) AS timed
"""
_FILL = (
    f"""
    INSERT INTO emails (id, account_id, content_id, stream, status, message_id, from_address, subject, tags,
        campaign_id, due_at, created_at, updated_at)
    SELECT id, account_id, id, CASE WHEN campaign IS NULL THEN 'transactional' ELSE 'bulk' END, status,
        '<' || id || '@example.com>',
        'shop@' || CASE n % 10000 WHEN 1 THEN 'rare.' ELSE '' END || 'example.com',
        CASE WHEN campaign IS NULL THEN 'Your order ' || n ELSE 'News of week ' || campaign END,
        ARRAY[CASE WHEN n % 10000 = 1 THEN 'rare' ELSE 'news' END],
        CAST('00000000-0000-7000-8000-' || lpad(to_hex(campaign), 12, '0') AS uuid), moment, moment, moment
    FROM ({_NUMBERED}) AS made
    """,  # noqa: S608
    f"""
    INSERT INTO recipients (email_id, position, account_id, kind, address, status, smtp_code, smtp_reply,
        opened_at, opens)
    SELECT id, 0, account_id, 'to', address, status, 250, '2.0.0 Ok: queued as ' || n,
        CASE WHEN n % 4 = 1 THEN moment END, CASE WHEN n % 4 = 1 THEN 1 ELSE 0 END
    FROM ({_NUMBERED}) AS made
    """,  # noqa: S608
    f"""
    INSERT INTO events (id, account_id, email_id, position, type, source, occurred_at, data)
    SELECT CAST(left(CAST(id AS text), 15) || to_hex(number) || right(CAST(id AS text), 20) AS uuid),
        account_id, id, 0, CASE WHEN n % 5000 = 1 AND number = 5 THEN 'email.complained'
            ELSE 'email.' || (ARRAY['accepted', 'sent', 'delivered', 'opened', 'clicked'])[number] END,
        'bench', moment, CASE number WHEN 2 THEN jsonb_build_object('reply', '250 2.0.0 Ok') END
    FROM ({_NUMBERED}) AS made, generate_series(1, 5) AS number
    """,  # noqa: S608
)
_STATISTICS = """
    INSERT INTO statistics (account_id, dimension, value, starts, sent, delivered, opens)
    SELECT CAST(:account AS uuid), side.dimension, side.value, starts, 20, 19, 4
    FROM generate_series(CAST(:since AS timestamptz), now(), interval '15 minutes') AS starts,
        (SELECT 'all' AS dimension, '' AS value
            UNION ALL SELECT 'domain', d || '.example.com' FROM generate_series(1, 10) AS d
            UNION ALL SELECT 'tag', 'tag-' || t FROM generate_series(1, 20) AS t) AS side
"""
_STATISTICS_DAYS = """
    INSERT INTO statistics_days (account_id, dimension, value, starts, sent, delivered, opens)
    SELECT account_id, dimension, value, date_trunc('day', starts, 'UTC'),
        sum(sent), sum(delivered), sum(opens)
    FROM statistics WHERE account_id = CAST(:account AS uuid) GROUP BY 1, 2, 3, 4
"""


@dataclass(frozen=True)
class Log:
    """What was written: `emails` in all since `since`, nine in ten of them the account's."""

    account: UUID
    emails: int
    since: datetime


def fill(bench: Bench, emails: int) -> Log:
    """Writes `emails` emails of `DAYS` days with a recipient and five events each."""
    account, other = (_account(api) for api in (bench.api, new_client(bench.cluster)))
    until = datetime.now(UTC)
    since = (until - timedelta(days=DAYS)).replace(minute=0, second=0, microsecond=0)
    whole = {"account": str(account), "other": str(other), "since": since, "whole": emails}
    whole |= {"step": (until - since) / emails, "campaigns": CAMPAIGNS - 1}
    with bench.engine.begin() as tx:
        for months in range(DAYS // 30 + 1):
            ensure_partitions(tx, since + timedelta(days=30 * months))
        tx.execute(text(_STATISTICS), whole)
        tx.execute(text(_STATISTICS_DAYS), whole)
    with _without_indexes(bench):
        for first in range(1, emails + 1, _BATCH):
            bounds = {"first": first, "last": min(emails, first + _BATCH - 1)}
            with bench.engine.begin() as tx:
                tx.execute(text("SET LOCAL synchronous_commit = off"))
                for statement in _FILL:
                    tx.execute(text(statement), {**whole, **bounds})
    with bench.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in (*_TABLES, "statistics", "statistics_days"):
            connection.execute(text(f"VACUUM (ANALYZE) {table}"))
    return Log(account, emails, since)


def _account(api: Client) -> UUID:
    return UUID(api.get("/api/account").json()["id"])


@contextmanager
def _without_indexes(bench: Bench) -> Iterator[None]:
    """All but the primary keys are away meanwhile."""
    with bench.engine.begin() as tx:
        made = [definition for table in _TABLES for definition in _drop_indexes(tx, table)]
    yield
    with bench.engine.begin() as tx:
        tx.execute(text("SET LOCAL maintenance_work_mem = '512MB'"))
        for definition in made:
            tx.execute(text(definition.replace(" ON ONLY ", " ON ")))


def _drop_indexes(tx: Connection, table: str) -> list[str]:
    rows = tx.execute(
        text(
            "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index"
            " WHERE indrelid = CAST(:table AS regclass) AND NOT indisprimary"
        ),
        {"table": table},
    ).all()
    for name, _ in rows:
        tx.execute(text(f"DROP INDEX {name}"))
    return [definition for _, definition in rows]
