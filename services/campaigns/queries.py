"""The scheduler's SQL."""

from __future__ import annotations

from sqlalchemy import text

# Every unfinished email says in `due_at` when it is next owed attention. What is overdue beyond the grace has
# lost its nudge (a purged queue, a dead worker, a broker rebuilt from nothing), or is in a long queue: what
# was queued is nudged again only after as long as it has waited already, ten minutes at most. Setting
# `due_at` leaves it claimable (what is queued is so at once, whatever it says) and keeps this sweep from it.
# Mail of a campaign that is paused or cancelled waits for the campaign's own next step.
TAKE_OVERDUE = text(
    """
    UPDATE emails SET due_at = now() + CASE status
        WHEN 'queued' THEN least(now() - COALESCE(send_at, created_at), interval '10 minutes')
        ELSE interval '0' END
    WHERE id IN (
        SELECT id FROM emails
        WHERE status IN ('queued', 'sending', 'unknown', 'deferred')
          AND due_at < now() - make_interval(secs => :grace)
          AND NOT EXISTS (SELECT FROM campaigns WHERE campaigns.id = emails.campaign_id
              AND campaigns.status IN ('paused', 'cancelled'))
        ORDER BY due_at LIMIT :batch FOR UPDATE SKIP LOCKED)
    RETURNING id, stream
    """
)

# Imports whose worker has died, or whose nudge was lost; moving `due_at` keeps the next sweep from them.
TAKE_IMPORTS = text(
    """
    UPDATE imports SET due_at = now() WHERE id IN (
        SELECT id FROM imports
        WHERE status IN ('queued', 'running') AND due_at < now() - make_interval(secs => :grace)
        ORDER BY due_at LIMIT :batch FOR UPDATE SKIP LOCKED)
    RETURNING id
    """
)

# Exports, likewise.
TAKE_EXPORTS = text(
    """
    UPDATE exports SET due_at = now() WHERE id IN (
        SELECT id FROM exports
        WHERE status IN ('queued', 'running') AND due_at < now() - make_interval(secs => :grace)
        ORDER BY due_at LIMIT :batch FOR UPDATE SKIP LOCKED)
    RETURNING id
    """
)

FORGET_EXPORTS = text("DELETE FROM exports WHERE expires_at <= now()")

# Whoever takes one of these keys up again at this moment holds its row: it is no longer the sweep's.
FORGET_KEYS = text(
    """
    DELETE FROM idempotency_keys WHERE (account_id, route, key) IN (
        SELECT account_id, route, key FROM idempotency_keys WHERE expires_at <= now()
        ORDER BY expires_at LIMIT :batch FOR UPDATE SKIP LOCKED)
    """
)

# A look is claimed by moving its time; what comes of it sets the time of the next.
TAKE_DOMAINS = text(
    """
    UPDATE domains SET next_check_at = now() + make_interval(secs => :lease) WHERE id IN (
        SELECT id FROM domains WHERE next_check_at <= now()
        ORDER BY next_check_at LIMIT :batch FOR UPDATE SKIP LOCKED)
    RETURNING id
    """
)

TRY_LEAD = text("SELECT pg_try_advisory_lock(:lock)")
"""Session-level: the lock goes with the connection, so a leader that dies is replaced at once."""

# Whose time has come is nudged, and again after a while if nobody took it up: the sweep of campaigns. A row
# that is locked is being worked on.
TAKE_CAMPAIGNS = text(
    """
    UPDATE campaigns SET work_at = now() + make_interval(secs => :again) WHERE id IN (
        SELECT id FROM campaigns WHERE work_at <= now()
        ORDER BY work_at LIMIT :batch FOR NO KEY UPDATE SKIP LOCKED)
    RETURNING id
    """
)

# Senders that count a first outcome share the row's key: that is no other worker at it.
LOCK_CAMPAIGN = text("SELECT * FROM campaigns WHERE id = CAST(:id AS uuid) FOR NO KEY UPDATE SKIP LOCKED")

CONTENT = text("SELECT subject, html, text FROM contents WHERE id = CAST(:id AS uuid)")

SETTLED = text(
    """
    SELECT COALESCE(sum(sent + bounced + failed + suppressed + cancelled), 0) FROM campaign_counts
    WHERE campaign_id = CAST(:id AS uuid)
    """
)

# Over the index of what is unfinished, of which a campaign has a bounded number. Scheduled mail is in it too,
# and none of it a campaign's: deferred mail is due within hours.
ANY_UNFINISHED = text(
    """
    SELECT 1 FROM emails
    WHERE status IN ('queued', 'sending', 'unknown', 'deferred') AND due_at < now() + interval '1 day'
      AND campaign_id = CAST(:id AS uuid)
    LIMIT 1
    """
)

# What a live lease protects is left to its sender. Of mail whose reply was lost nobody knows whether it went
# out; it must not go out again.
CANCEL = text(
    """
    WITH held AS (
        SELECT id FROM emails
        WHERE status IN ('queued', 'sending', 'unknown', 'deferred') AND due_at < now() + interval '1 day'
          AND campaign_id = CAST(:id AS uuid) AND (status <> 'sending' OR due_at <= now())
        LIMIT :batch FOR UPDATE SKIP LOCKED)
    UPDATE emails SET status = 'cancelled', due_at = now(), updated_at = now()
    FROM held WHERE emails.id = held.id
    RETURNING emails.id
    """
)

# :head is the beginning of a UUIDv7 of this moment, up to its version
CANCEL_RECIPIENTS = text(
    """
    WITH ended AS (
        UPDATE recipients SET status = 'cancelled', updated_at = now()
        WHERE email_id = ANY(CAST(:ids AS uuid[])) AND status IN ('queued', 'unknown', 'deferred')
        RETURNING email_id, position, account_id)
    INSERT INTO events (id, account_id, email_id, position, type, source, occurred_at)
    SELECT CAST(:head || substr(CAST(gen_random_uuid() AS text), 16) AS uuid),
        account_id, email_id, position, 'email.cancelled', 'campaigns', now() FROM ended
    """
)

COUNT_CANCELLED = text(
    """
    INSERT INTO campaign_counts (campaign_id, slot, cancelled) VALUES (CAST(:id AS uuid), 0, :count)
    ON CONFLICT (campaign_id, slot) DO UPDATE SET cancelled = campaign_counts.cancelled + excluded.cancelled
    """
)
