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
