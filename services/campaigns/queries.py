"""The scheduler's SQL."""

from __future__ import annotations

from sqlalchemy import text

# Every unfinished email says in `due_at` when it is next owed attention. What is overdue beyond the grace has
# lost its nudge (a purged queue, a dead worker, a broker rebuilt from nothing). Setting `due_at` to now
# leaves it claimable and keeps this sweep from nudging it again before another grace has passed.
TAKE_OVERDUE = text(
    """
    UPDATE emails SET due_at = now() WHERE id IN (
        SELECT id FROM emails
        WHERE status IN ('queued', 'sending', 'unknown', 'deferred')
          AND due_at < now() - make_interval(secs => :grace)
        ORDER BY due_at LIMIT :batch FOR UPDATE SKIP LOCKED)
    RETURNING id, stream
    """
)

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
