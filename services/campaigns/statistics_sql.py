"""The roll-up as SQL: who has events that are not counted, and one statement that counts a batch of them."""

from __future__ import annotations

from sqlalchemy import text

from shared.event_feed import behind
from shared.models.statistics import COUNTS, FIRST_COUNTS

#: Events that count as what they are called, one each.
_PLAIN = ["sent", "delivered", "deferred", "bounced", "failed", "suppressed", "complained", "unsubscribed"]

#: One roll-up at a time, whichever scheduler does it, for the length of a transaction.
ALONE = text("SELECT pg_try_advisory_xact_lock(4201979)")

# Accounts that are new begin before everything.
ADD_CURSORS = text(
    """
    INSERT INTO statistics_cursors (account_id, xid, event_id)
    SELECT id, 0, '00000000-0000-0000-0000-000000000000' FROM accounts
    WHERE NOT EXISTS (SELECT FROM statistics_cursors WHERE account_id = accounts.id)
    ON CONFLICT DO NOTHING
    """
)

CURSORS = text("SELECT account_id, xid, event_id FROM statistics_cursors ORDER BY account_id")

CURSOR = text("SELECT xid, event_id FROM statistics_cursors WHERE account_id = CAST(:account AS uuid)")

# One look into an index an account, in the feed's own order.
BEHIND = text(
    f"""
    SELECT cursor.account_id FROM unnest(
        CAST(:accounts AS uuid[]), CAST(:xids AS bigint[]), CAST(:ids AS uuid[]), CAST(:floors AS uuid[])
    ) AS cursor (account_id, xid, id, floor)
    CROSS JOIN LATERAL (
        SELECT FROM events WHERE {behind("cursor")} ORDER BY events.xid, events.id LIMIT 1
    ) AS found
    """  # noqa: S608 - constants of our own
)


def _quarter(moment: str) -> str:
    return f"date_bin('15 minutes', {moment}, TIMESTAMPTZ '2000-01-01T00:00:00Z')"


def _add_to(table: str, rows: str) -> str:
    """Adds `rows` (a dimension, its value, where the time starts, counts) to those that `table` has."""
    added = ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in COUNTS)
    return f"""
        INSERT INTO {table} (account_id, dimension, value, starts, {", ".join(COUNTS)})
        SELECT CAST(:account AS uuid), added.* FROM ({rows}) AS added
        ON CONFLICT (account_id, dimension, value, starts) DO UPDATE SET {added}
    """  # noqa: S608 - constants of our own


_FIRSTS = ", ".join(
    f"('{name}', {_quarter(f'recipients.{name}_at')}, counted.{name})" for name in FIRST_COUNTS
)
_STAND = ", ".join(f"max(firsts.stands) FILTER (WHERE counter = '{name}')" for name in FIRST_COUNTS)
_SUMS = ", ".join(f"COALESCE(sum(amount) FILTER (WHERE counter = '{name}'), 0) AS {name}" for name in COUNTS)
_DAYS = f"""
    SELECT dimension, value, date_trunc('day', starts, 'UTC'), {", ".join(f"sum({name})" for name in COUNTS)}
    FROM sums GROUP BY 1, 2, 3
"""  # noqa: S608
_PLAIN_TYPES = ", ".join(f"'email.{name}'" for name in _PLAIN)

# A batch of events behind the cursor → what they add, in one statement with the cursor's move: a crash counts
# nothing twice and forgets nothing. Of test emails nothing counts. A click that is a machine's by now but was
# told as a person's counts as told; the event that reclassified it moves it over. First opens and clicks are
# those that `recipients` has by now, whatever order hits came in: what was counted elsewhere is moved. Events
# that are alike, a campaign's thousands, are added up before they are filed under each of their sides.
ROLL_UP = text(
    f"""
    WITH cursor AS (
        SELECT CAST(:account AS uuid) AS account_id, CAST(:xid AS bigint) AS xid, CAST(:id AS uuid) AS id,
            CAST(:floor AS uuid) AS floor
    ), batch AS MATERIALIZED (
        SELECT found.* FROM cursor CROSS JOIN LATERAL (
            SELECT events.xid, events.id, email_id, position, type, source, occurred_at,
                COALESCE((data->>'machine')::boolean, false) AS machine,
                COALESCE((data->>'reclassified')::boolean, false) AS reclassified
            FROM events WHERE {behind("cursor")} ORDER BY events.xid, events.id LIMIT :batch
        ) AS found
    ), mail AS MATERIALIZED (
        SELECT id, credential_id, campaign_id, tags, lower(substring(from_address FROM '[^@]*$')) AS domain
        FROM emails WHERE id = ANY(ARRAY(SELECT email_id FROM batch)) AND NOT test
    ), told AS MATERIALIZED (
        SELECT batch.*, {_quarter("occurred_at")} AS starts FROM batch JOIN mail ON mail.id = batch.email_id
    ), touched AS MATERIALIZED (
        SELECT DISTINCT email_id, position FROM told
        WHERE type IN ('email.opened', 'email.clicked', 'email.reclassified') AND position IS NOT NULL
    ), firsts AS MATERIALIZED (
        SELECT touched.email_id, touched.position, first.counter, first.stands, first.was
        FROM touched JOIN recipients ON recipients.email_id = touched.email_id
            AND recipients.position = touched.position
        LEFT JOIN counted_firsts AS counted ON counted.email_id = touched.email_id
            AND counted.position = touched.position
        CROSS JOIN LATERAL (VALUES {_FIRSTS}) AS first (counter, stands, was)
    ), noted AS (
        INSERT INTO counted_firsts (email_id, position, {", ".join(FIRST_COUNTS)})
        SELECT email_id, position, {_STAND}
        FROM firsts GROUP BY email_id, position
        ON CONFLICT (email_id, position) DO UPDATE
        SET {", ".join(f"{name} = excluded.{name}" for name in FIRST_COUNTS)}
    ), facts AS (
        SELECT email_id, starts, substr(type, 7) AS counter, 1 AS amount FROM told
            WHERE type IN ({_PLAIN_TYPES})
        UNION ALL SELECT email_id, starts, 'refused', 1 FROM told
            WHERE type = 'email.bounced' AND source = 'sender'
        UNION ALL SELECT email_id, starts, CASE WHEN machine THEN 'machine_opens' ELSE 'opens' END, 1
            FROM told WHERE type = 'email.opened'
        UNION ALL SELECT email_id, starts,
            CASE WHEN machine AND NOT reclassified THEN 'machine_clicks' ELSE 'clicks' END, 1
            FROM told WHERE type = 'email.clicked'
        UNION ALL SELECT email_id, starts, 'clicks', -1 FROM told WHERE type = 'email.reclassified'
        UNION ALL SELECT email_id, starts, 'machine_clicks', 1 FROM told WHERE type = 'email.reclassified'
        UNION ALL SELECT email_id, firsts.stands, counter, 1 FROM firsts
            WHERE firsts.stands IS NOT NULL AND firsts.stands IS DISTINCT FROM was
        UNION ALL SELECT email_id, was, counter, -1 FROM firsts
            WHERE was IS NOT NULL AND firsts.stands IS DISTINCT FROM was
    ), alike AS MATERIALIZED (
        SELECT domain, credential_id, campaign_id, tags, starts, counter, sum(amount)::int AS amount
        FROM facts JOIN mail ON mail.id = facts.email_id GROUP BY 1, 2, 3, 4, 5, 6
    ), sums AS MATERIALIZED (
        SELECT side.dimension, side.value, starts, {_SUMS}
        FROM alike CROSS JOIN LATERAL (
            VALUES ('all', ''), ('domain', domain), ('credential', credential_id::text),
                ('campaign', campaign_id::text)
            UNION SELECT 'tag', unnest(tags)
        ) AS side (dimension, value)
        WHERE side.value IS NOT NULL GROUP BY 1, 2, 3
    ), quarters AS ({_add_to("statistics", "SELECT * FROM sums")}
    ), days AS ({_add_to("statistics_days", _DAYS)}
    ), moved AS (
        UPDATE statistics_cursors SET xid = last.xid, event_id = last.id
        FROM (SELECT xid, id FROM batch ORDER BY xid DESC, id DESC LIMIT 1) AS last
        WHERE account_id = CAST(:account AS uuid)
    )
    SELECT count(*) FROM batch
    """  # noqa: S608 - constants of our own
)
