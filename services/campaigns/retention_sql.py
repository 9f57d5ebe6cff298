"""The SQL of retention: what still needs what is old, and deleting a batch of what nothing needs."""

from __future__ import annotations

from sqlalchemy import text

from shared import campaign_states, states


def _listed(values: tuple[str, ...]) -> str:
    return ", ".join(f"'{value}'" for value in values)


_UNFINISHED = f"status IN ({_listed(states.UNFINISHED)})"

#: One at a time, whichever scheduler does it, for the length of a transaction.
ALONE = text("SELECT pg_try_advisory_xact_lock(4201980)")

#: What a partition's lock would wait for, everybody else would wait for behind it.
PATIENCE = text("SET LOCAL lock_timeout = '1s'")

ACCOUNTS = text("SELECT id, keep_bodies_days, keep_events_days, keep_logs_days FROM accounts")

# Contents that emails or campaigns are yet to be made of.
_NEEDED = f"""
    SELECT content_id FROM emails WHERE {_UNFINISHED}
    UNION SELECT content_id FROM campaigns
    WHERE content_id IS NOT NULL AND status NOT IN ({_listed(campaign_states.FINAL)})
"""  # noqa: S608

#: kind → whether a month (ids :since to :until) has anything that is not finished
HELD = {
    "bodies": text(
        f"SELECT EXISTS (SELECT FROM ({_NEEDED}) AS needed"  # noqa: S608 - constants of our own
        " WHERE content_id >= CAST(:since AS uuid) AND content_id < CAST(:until AS uuid))"
    ),
    # an email has events from its own month on
    "events": text(
        f"SELECT EXISTS (SELECT FROM emails WHERE {_UNFINISHED} AND id < CAST(:until AS uuid))"  # noqa: S608
    ),
    "logs": text(
        f"SELECT EXISTS (SELECT FROM emails WHERE {_UNFINISHED}"  # noqa: S608
        " AND id >= CAST(:since AS uuid) AND id < CAST(:until AS uuid))"
    ),
}

_OLD = """
    {table}.id >= CAST(:since AS uuid) AND {table}.id < CAST(:until AS uuid)
    AND (CAST(:account AS uuid) IS NULL OR {table}.account_id = CAST(:account AS uuid))
"""

#: kind → statements that delete at most :batch of it each, and say how many
DELETE = {
    "bodies": (
        # files first, while the contents that share them with what is needed still say so
        text(
            f"""
            WITH needed AS MATERIALIZED ({_NEEDED}), old AS (
                SELECT id FROM files WHERE {_OLD.format(table="files")}
                  AND id NOT IN (SELECT raw_file_id FROM contents
                      JOIN needed ON needed.content_id = contents.id WHERE raw_file_id IS NOT NULL)
                  AND id NOT IN (SELECT file_id FROM attachments JOIN needed USING (content_id))
                LIMIT :batch),
            gone AS (DELETE FROM files WHERE id IN (SELECT id FROM old) RETURNING id)
            SELECT count(*) FROM gone
            """  # noqa: S608
        ),
        text(
            f"""
            WITH needed AS MATERIALIZED ({_NEEDED}), old AS (
                SELECT id FROM contents WHERE {_OLD.format(table="contents")}
                  AND id NOT IN (SELECT content_id FROM needed) LIMIT :batch),
            parts AS (DELETE FROM attachments WHERE content_id IN (SELECT id FROM old)),
            gone AS (DELETE FROM contents WHERE id IN (SELECT id FROM old) RETURNING id)
            SELECT count(*) FROM gone
            """  # noqa: S608
        ),
    ),
    "events": (
        text(
            f"""
            WITH old AS (
                SELECT id FROM events WHERE {_OLD.format(table="events")}
                  AND NOT EXISTS (SELECT FROM emails WHERE emails.id = email_id AND {_UNFINISHED})
                LIMIT :batch),
            gone AS (DELETE FROM events WHERE id IN (SELECT id FROM old) RETURNING id)
            SELECT count(*) FROM gone
            """  # noqa: S608
        ),
    ),
    "logs": (
        text(
            f"""
            WITH old AS (
                SELECT id FROM emails WHERE {_OLD.format(table="emails")} AND NOT {_UNFINISHED}
                LIMIT :batch FOR UPDATE SKIP LOCKED),
            addressed AS (DELETE FROM recipients WHERE email_id IN (SELECT id FROM old)),
            counted AS (DELETE FROM counted_firsts WHERE email_id IN (SELECT id FROM old)),
            gone AS (DELETE FROM emails WHERE id IN (SELECT id FROM old) RETURNING id)
            SELECT count(*) FROM gone
            """  # noqa: S608
        ),
    ),
}
