"""The SQL of billing: events of the payment provider in, where accounts stand out."""

from __future__ import annotations

from sqlalchemy import text

STORE_BILLING_EVENT = text(
    """
    INSERT INTO billing_events (id, type, subscription_id, account_id, payload, happened_at)
    VALUES (:id, :type, :subscription_id, CAST(:account_id AS uuid), CAST(:payload AS jsonb), :happened_at)
    ON CONFLICT (id) DO NOTHING RETURNING id
    """
)

TAKE_BILLING_EVENT = text(
    "SELECT id, account_id, subscription_id FROM billing_events WHERE id = :id FOR UPDATE SKIP LOCKED"
)

# One account's events are folded one after the other.
LOCK_ACCOUNT = text("SELECT true FROM accounts WHERE id = CAST(:id AS uuid) FOR NO KEY UPDATE")

OWNER_OF_SUBSCRIPTION = text(
    """
    SELECT account_id FROM billing_events
    WHERE subscription_id = :id AND account_id IS NOT NULL ORDER BY happened_at, id LIMIT 1
    """
)

# Also those that name nobody, of subscriptions that another event says are the account's.
EVENTS_OF_ACCOUNT = text(
    """
    SELECT id, type, subscription_id, happened_at, payload FROM billing_events
    WHERE account_id = CAST(:account AS uuid) OR (account_id IS NULL AND subscription_id IN (
        SELECT subscription_id FROM billing_events WHERE account_id = CAST(:account AS uuid)))
    ORDER BY happened_at, id
    """
)

FINISH_BILLING_EVENT = text("UPDATE billing_events SET processed_at = now() WHERE id = :id")

WRITE_BILLING = text(
    """
    WITH quotas AS (
        UPDATE accounts SET quota_daily = :daily, quota_monthly = :monthly WHERE id = CAST(:account AS uuid))
    INSERT INTO billing_accounts (account_id, subscription_id, plan, state, paid_through, grace_until, due_at)
    VALUES (CAST(:account AS uuid), :subscription, :plan, :state, :paid_through, :grace_until, :due_at)
    ON CONFLICT (account_id) DO UPDATE SET
        subscription_id = excluded.subscription_id, plan = excluded.plan, state = excluded.state,
        paid_through = excluded.paid_through, grace_until = excluded.grace_until, due_at = excluded.due_at,
        updated_at = now()
    """
)

WRITE_PAYMENT = text(
    """
    INSERT INTO payments
        (id, account_id, subscription_id, invoice_id, status, amount, currency, happened_at)
    VALUES (:id, CAST(:account_id AS uuid), :subscription_id, :invoice_id, :status, :amount, :currency,
        :happened_at)
    ON CONFLICT (id) DO UPDATE SET status = excluded.status, invoice_id = excluded.invoice_id
    """
)

BILLING_DUE = text("SELECT account_id FROM billing_accounts WHERE due_at <= now() ORDER BY due_at LIMIT 100")

BILLING_WAITING = text(
    """
    SELECT id FROM billing_events
    WHERE processed_at IS NULL AND received_at < now() - make_interval(secs => :grace) LIMIT 100
    """
)
