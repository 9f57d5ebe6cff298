"""The SQL of imports: set-based, a step's worth of rows at a time."""

from __future__ import annotations

from sqlalchemy import text

CLAIM = text(
    """
    UPDATE imports SET status = 'running', attempts = attempts + 1,
        started_at = coalesce(started_at, now()), due_at = now() + make_interval(secs => :lease)
    WHERE id = :id AND status IN ('queued', 'running') AND due_at <= now()
    RETURNING *
    """
)

# Whoever claimed since, cancelled it, or deleted its list leaves no such row; who wants to do so now waits.
HOLD = text(
    """
    SELECT lists.id FROM imports JOIN lists ON lists.id = imports.list_id
    WHERE imports.id = :id AND attempts = :attempts AND status = 'running'
    FOR UPDATE OF imports FOR KEY SHARE OF lists
    """
)

STAGE = text(
    """
    CREATE TEMPORARY TABLE staged_contacts (
        id uuid, email text, email_key text, first_name text, last_name text, metadata jsonb
    ) ON COMMIT DROP
    """
)
COPY_STAGE = "COPY staged_contacts FROM STDIN"

_ADD = """
    INSERT INTO contacts AS kept (id, account_id, email, email_key, first_name, last_name, metadata)
    SELECT id, :account_id, email, email_key, first_name, last_name, metadata FROM staged_contacts
    ON CONFLICT (account_id, email_key) DO
"""
# What a file leaves empty stays; who is known as the file has them is left alone.
_CHANGED = """
    first_name = coalesce({new}.first_name, kept.first_name),
    last_name = coalesce({new}.last_name, kept.last_name),
    metadata = kept.metadata || {new}.metadata, updated_at = now()
    {origin}
    WHERE {condition} (coalesce({new}.first_name, kept.first_name), coalesce({new}.last_name, kept.last_name),
           kept.metadata || {new}.metadata)
          IS DISTINCT FROM (kept.first_name, kept.last_name, kept.metadata)
"""
_COUNT = """
    SELECT count(*) FILTER (WHERE added) AS added, count(*) FILTER (WHERE NOT added) AS updated FROM done
"""
_UPSERT = _CHANGED.format(new="excluded", origin="", condition="")
_UPDATE = _CHANGED.format(
    new="staged",
    origin="FROM staged_contacts AS staged",
    condition="kept.account_id = :account_id AND kept.email_key = staged.email_key AND",
)

#: mode → statement that makes and changes contacts, and counts both
MERGE = {
    "upsert": text(f"WITH done AS ({_ADD} UPDATE SET {_UPSERT} RETURNING xmax = 0 AS added) {_COUNT}"),
    "add": text(f"WITH done AS ({_ADD} NOTHING RETURNING true AS added) {_COUNT}"),
    "update": text(
        # all of it is text of this file
        f"WITH done AS (UPDATE contacts AS kept SET {_UPDATE} RETURNING false AS added) {_COUNT}"  # noqa: S608
    ),
}

# Whoever is on the list already keeps the standing they have: nobody is resubscribed by a file. Locked,
# because a contact that is deleted at this moment must not be put on anything.
SUBSCRIBE = text(
    """
    WITH them AS MATERIALIZED (
        SELECT contacts.id, contacts.email_key
        FROM staged_contacts AS staged JOIN contacts ON contacts.account_id = :account_id
            AND contacts.email_key = staged.email_key
        FOR KEY SHARE OF contacts
    ), allowed AS MATERIALIZED (
        SELECT id FROM them WHERE NOT EXISTS (
            SELECT FROM suppressions
            WHERE suppressions.account_id = :account_id AND suppressions.address = them.email_key)
    ), listed AS (
        INSERT INTO subscriptions (list_id, contact_id, account_id, status, source)
        SELECT :list_id, id, :account_id, :status, 'import' FROM allowed
        ON CONFLICT DO NOTHING
    ), tagged AS (
        INSERT INTO contact_tags (tag_id, contact_id, account_id)
        SELECT tags.id, them.id, :account_id FROM them CROSS JOIN tags
        WHERE tags.account_id = :account_id AND tags.id = ANY(CAST(:tag_ids AS uuid[]))
        ON CONFLICT DO NOTHING
    )
    SELECT (SELECT count(*) FROM them) - (SELECT count(*) FROM allowed) AS suppressed
    """
)
