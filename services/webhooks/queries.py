"""The webhooks service's SQL: delivery reports in, and what they change."""

from __future__ import annotations

from sqlalchemy import text

from shared.models.emails import FOREIGN_MESSAGE_ID

# What is there already was said before; its digest is the same.
STORE_REPORTS = text(
    """
    INSERT INTO delivery_reports (id, digest, source, report)
    SELECT id, digest, :source, report
    FROM unnest(CAST(:ids AS uuid[]), CAST(:digests AS bytea[]), CAST(:reports AS jsonb[]))
        AS new (id, digest, report)
    ON CONFLICT (digest) DO NOTHING
    RETURNING id
    """
)

# SKIP LOCKED: what another worker is applying is that worker's.
TAKE_REPORTS = text(
    """
    SELECT id, source, report, received_at FROM delivery_reports
    WHERE id = ANY(CAST(:ids AS uuid[])) AND processed_at IS NULL
    ORDER BY id FOR UPDATE SKIP LOCKED
    """
)

# What a lost nudge left: moving `due_at` keeps the next sweep from saying it again at once.
TAKE_WAITING = text(
    """
    UPDATE delivery_reports SET due_at = now() WHERE id IN (
        SELECT id FROM delivery_reports
        WHERE processed_at IS NULL AND due_at < now() - make_interval(secs => :grace)
        ORDER BY due_at LIMIT :batch FOR UPDATE SKIP LOCKED)
    RETURNING id
    """
)

FORGET_REPORTS = text(
    """
    DELETE FROM delivery_reports WHERE id IN (
        SELECT id FROM delivery_reports WHERE processed_at < now() - make_interval(days => :days)
        ORDER BY processed_at LIMIT :batch FOR UPDATE SKIP LOCKED)
    """
)

FINISH_REPORTS = text(
    """
    UPDATE delivery_reports SET processed_at = now(), outcome = done.outcome, email_id = done.email_id
    FROM unnest(CAST(:ids AS uuid[]), CAST(:outcomes AS text[]), CAST(:email_ids AS uuid[]))
        AS done (id, outcome, email_id)
    WHERE delivery_reports.id = done.id
    """
)

POSTPONE_REPORTS = text("UPDATE delivery_reports SET due_at = :due_at WHERE id = ANY(CAST(:ids AS uuid[]))")

# The ids are out of Message-IDs of ours: one partition each.
EMAILS_BY_ID = text("SELECT id, message_id FROM emails WHERE id = ANY(CAST(:ids AS uuid[]))")

# Out of the index of those that a client of SMTP brought along; one may stand on several emails.
EMAILS_BY_MESSAGE_ID = text(
    # the condition is the index's own, word for word
    f"""
    SELECT id, message_id FROM emails
    WHERE message_id = ANY(CAST(:message_ids AS text[])) AND {FOREIGN_MESSAGE_ID}
      AND id >= CAST(:floor AS uuid)
    ORDER BY id DESC
    """  # noqa: S608 - a constant of our own
)

# SKIP LOCKED: we wait for nobody, so nobody can wait for us in a circle. What a sender holds comes later.
LOCK_EMAILS = text(
    """
    SELECT id, account_id, status FROM emails
    WHERE id = ANY(CAST(:ids AS uuid[])) AND status <> 'sending'
    ORDER BY id FOR UPDATE SKIP LOCKED
    """
)

# In the order in which the tracker's writers lock them: neither waits for the other in a circle.
LOCK_RECIPIENTS = text(
    """
    SELECT FROM recipients WHERE email_id = ANY(CAST(:ids AS uuid[])) ORDER BY email_id, position FOR UPDATE
    """
)

RECIPIENTS = text(
    """
    SELECT email_id, position, account_id, address, status, updated_at FROM recipients
    WHERE email_id = ANY(CAST(:ids AS uuid[])) ORDER BY email_id, position
    """
)

CHANGE_RECIPIENTS = text(
    """
    UPDATE recipients SET
        status = new.status,
        smtp_code = COALESCE(new.code, recipients.smtp_code),
        smtp_reply = COALESCE(new.reply, recipients.smtp_reply),
        relay = COALESCE(new.relay, recipients.relay),
        bounce_class = new.bounce_class, bounce_reason = new.bounce_reason,
        updated_at = now()
    FROM unnest(
        CAST(:ids AS uuid[]), CAST(:positions AS smallint[]), CAST(:statuses AS text[]),
        CAST(:codes AS smallint[]), CAST(:replies AS text[]), CAST(:relays AS text[]),
        CAST(:classes AS text[]), CAST(:reasons AS text[])
    ) AS new (email_id, position, status, code, reply, relay, bounce_class, bounce_reason)
    WHERE recipients.email_id = new.email_id AND recipients.position = new.position
    """
)

CHANGE_EMAILS = text(
    """
    UPDATE emails SET
        status = new.status, last_error = COALESCE(new.error, last_error), updated_at = now()
    FROM unnest(CAST(:ids AS uuid[]), CAST(:statuses AS text[]), CAST(:errors AS text[]))
        AS new (id, status, error)
    WHERE emails.id = new.id
    """
)

# How the last emails to each of these addresses ended, newest first.
LAST_ENDS = text(
    """
    SELECT wanted.account_id, wanted.address, last.email_id, last.status, last.bounce_class
    FROM unnest(CAST(:account_ids AS uuid[]), CAST(:addresses AS text[])) AS wanted (account_id, address)
    CROSS JOIN LATERAL (
        SELECT email_id, status, bounce_class FROM recipients
        WHERE recipients.account_id = wanted.account_id AND recipients.address = wanted.address
        ORDER BY email_id DESC LIMIT :count) AS last
    """
)

# ---- outgoing ----

# SKIP LOCKED: several feeders share the endpoints out among themselves.
TAKE_CURSORS = text(
    """
    SELECT endpoint_id, xid, event_id, endpoint.account_id, endpoint.events, endpoint.paused_until,
        endpoint.failures
    FROM webhook_cursors JOIN webhook_endpoints AS endpoint ON endpoint.id = endpoint_id
    WHERE endpoint.active AND endpoint_id > CAST(:after AS uuid)
    ORDER BY endpoint_id LIMIT :batch FOR UPDATE OF webhook_cursors SKIP LOCKED
    """
)

MOVE_CURSORS = text(
    """
    UPDATE webhook_cursors SET xid = new.xid, event_id = new.event_id
    FROM unnest(CAST(:endpoints AS uuid[]), CAST(:xids AS bigint[]), CAST(:ids AS uuid[]))
        AS new (endpoint_id, xid, event_id)
    WHERE webhook_cursors.endpoint_id = new.endpoint_id
    """
)

INSERT_DELIVERIES = text(
    """
    INSERT INTO webhook_deliveries (id, endpoint_id, account_id, webhook_id, type, body, replay)
    SELECT *, :replay FROM unnest(
        CAST(:ids AS uuid[]), CAST(:endpoints AS uuid[]), CAST(:accounts AS uuid[]),
        CAST(:webhook_ids AS text[]), CAST(:types AS text[]), CAST(:bodies AS text[]))
    """
)

# Locked for the moment of the claim: how much of it is under way is counted by one at a time.
LOCK_ENDPOINT = text(
    """
    SELECT *, (
        SELECT count(*) FROM webhook_deliveries
        WHERE endpoint_id = webhook_endpoints.id AND status = 'sending' AND due_at > now()) AS under_way
    FROM webhook_endpoints WHERE id = CAST(:id AS uuid) FOR UPDATE
    """
)

# What another run holds past its lease is up for anybody again.
CLAIM_DELIVERIES = text(
    """
    UPDATE webhook_deliveries SET
        status = 'sending', attempts = attempts + 1, due_at = now() + make_interval(secs => :lease)
    WHERE id IN (
        SELECT id FROM webhook_deliveries
        WHERE endpoint_id = CAST(:endpoint AS uuid) AND status IN ('pending', 'sending') AND due_at <= now()
        ORDER BY due_at, id LIMIT :batch FOR UPDATE SKIP LOCKED)
    RETURNING id, webhook_id, body, attempts, created_at
    """
)

RECORD_DELIVERIES = text(
    """
    UPDATE webhook_deliveries SET
        status = new.status, attempts = new.attempts,
        due_at = COALESCE(new.due_at, webhook_deliveries.due_at),
        delivered_at = CASE WHEN new.status = 'delivered' THEN now() END
    FROM unnest(
        CAST(:ids AS uuid[]), CAST(:claims AS smallint[]), CAST(:statuses AS text[]),
        CAST(:attempts AS smallint[]), CAST(:due_at AS timestamptz[])
    ) AS new (id, claim, status, attempts, due_at)
    WHERE webhook_deliveries.id = new.id AND webhook_deliveries.attempts = new.claim
      AND webhook_deliveries.status = 'sending'
    RETURNING webhook_deliveries.id
    """
)

INSERT_ATTEMPTS = text(
    """
    INSERT INTO webhook_attempts (delivery_id, number, at, duration_ms, url, status, response, error)
    SELECT delivery_id, number, at, duration_ms, :url, status, response, error FROM unnest(
        CAST(:ids AS uuid[]), CAST(:numbers AS smallint[]), CAST(:at AS timestamptz[]),
        CAST(:durations AS int[]), CAST(:statuses AS smallint[]), CAST(:responses AS text[]),
        CAST(:errors AS text[])
    ) AS new (delivery_id, number, at, duration_ms, status, response, error)
    ON CONFLICT DO NOTHING
    """
)

CHANGE_STANDING = text(
    """
    UPDATE webhook_endpoints SET
        failures = CASE WHEN :ok THEN 0 ELSE failures END + :failures,
        failing_since = CASE
            WHEN :failures = 0 THEN NULL WHEN :ok THEN now() ELSE COALESCE(failing_since, now()) END,
        last_success_at = CASE WHEN :ok THEN now() ELSE last_success_at END,
        paused_until = :paused_until
    WHERE id = CAST(:id AS uuid)
    RETURNING account_id, url, active, failing_since
    """
)

DISABLE_ENDPOINT = text(
    """
    UPDATE webhook_endpoints SET
        active = false, disabled_reason = :reason, disabled_at = now(), updated_at = now()
    WHERE id = CAST(:id AS uuid) AND active
    RETURNING account_id, url
    """
)

# What lost its nudge: an endpoint that is owed something and is not left alone.
TAKE_OWED = text(
    """
    SELECT id, failures FROM webhook_endpoints
    WHERE active AND (paused_until IS NULL OR paused_until <= now()) AND EXISTS (
        SELECT FROM webhook_deliveries
        WHERE endpoint_id = webhook_endpoints.id AND status IN ('pending', 'sending')
          AND due_at < now() - make_interval(secs => :grace))
    LIMIT :batch
    """
)

EXPIRE_DELIVERIES = text(
    """
    UPDATE webhook_deliveries SET status = 'failed' WHERE id IN (
        SELECT id FROM webhook_deliveries
        WHERE status = 'pending' AND due_at < now() + interval '2 days'
          AND created_at < now() - make_interval(secs => :horizon)
        LIMIT :batch FOR UPDATE SKIP LOCKED)
    """
)

FORGET_DELIVERIES = text(
    """
    DELETE FROM webhook_deliveries WHERE id IN (
        SELECT id FROM webhook_deliveries
        WHERE id < CAST(:floor AS uuid) AND status IN ('delivered', 'failed') LIMIT :batch)
    """
)

LOCK_REPLAY = text(
    """
    SELECT webhook_replays.*, endpoint.events, endpoint.failures
    FROM webhook_replays JOIN webhook_endpoints AS endpoint ON endpoint.id = endpoint_id
    WHERE webhook_replays.id = CAST(:id AS uuid) AND finished_at IS NULL
    FOR UPDATE OF webhook_replays SKIP LOCKED
    """
)

# By id, which is by time; what is being written at this moment is the feeder's.
EVENTS_BETWEEN = text(
    """
    SELECT id, xid, account_id, type, source, occurred_at, data, email_id, position FROM events
    WHERE account_id = CAST(:account AS uuid)
      AND id > CAST(:after AS uuid) AND id < CAST(:until AS uuid)
    ORDER BY id LIMIT :limit
    """
)

MOVE_REPLAY = text(
    """
    UPDATE webhook_replays SET
        cursor = CAST(:cursor AS uuid), deliveries = deliveries + :added,
        finished_at = CASE WHEN :finished THEN now() END
    WHERE id = CAST(:id AS uuid)
    """
)
