"""The sender's SQL: claims out, outcomes in, both for a whole chunk at once."""

from __future__ import annotations

from sqlalchemy import text

from shared.prepared import Prepared

# A claim is one conditional update: what another sender holds under a live lease, what is not due, and what
# has reached its end is left alone, so a repeated nudge is harmless. `attempts` becomes the fencing token. An
# email taken over out of `sending` or `unknown` may have been handed over before: that resend is counted.
# What a paused or cancelled campaign has queued is left to the campaign. Two claims of the same emails lock
# them in one order, that of their ids. `has_left`: the reader has left the lists that their campaign went to
# since it was queued.
CLAIM = Prepared(
    "claim",
    """
    WITH claimed AS (
        UPDATE emails SET
            status = 'sending',
            attempts = attempts + 1,
            resends = resends + CASE WHEN status IN ('sending', 'unknown') THEN 1 ELSE 0 END,
            due_at = now() + make_interval(secs => :lease),
            updated_at = now()
        FROM unnest(:ids) AS named (id)
        WHERE emails.id = named.id
          AND (status = 'queued' OR (status IN ('sending', 'unknown', 'deferred') AND due_at <= now()))
          AND NOT EXISTS (SELECT FROM campaigns WHERE campaigns.id = emails.campaign_id
              AND campaigns.status IN ('paused', 'cancelled'))
        RETURNING emails.*),
    lists AS MATERIALIZED (
        SELECT id, ARRAY(SELECT CAST(jsonb_array_elements_text(audience->'list_ids') AS uuid)) AS ids
        FROM campaigns WHERE id IN (SELECT campaign_id FROM claimed))
    SELECT CAST(claimed.id AS text) AS id, CAST(account_id AS text) AS account_id,
        CAST(content_id AS text) AS content_id, CAST(campaign_id AS text) AS campaign_id, contact_id,
        attempts, stream, message_id, request_id, COALESCE(send_at, created_at) AS wanted_at,
        from_address, from_name, reply_to, headers, variables, test, track_opens, track_clicks,
        contact_id IS NOT NULL AND cardinality(lists.ids) > 0 AND NOT EXISTS (
            SELECT FROM subscriptions
            WHERE subscriptions.contact_id = claimed.contact_id AND subscriptions.status = 'subscribed'
                AND subscriptions.list_id = ANY(lists.ids)) AS has_left
    FROM claimed LEFT JOIN lists ON lists.id = claimed.campaign_id
    ORDER BY claimed.id
    """,
    ids="uuid[]",
    lease="float8",
)

RECIPIENTS = Prepared(
    "recipients",
    """
    SELECT CAST(email_id AS text) AS email_id, position, kind, address, name, status
    FROM unnest(:ids) AS named (id) JOIN recipients ON email_id = named.id
    ORDER BY recipients.email_id, position
    """,
    ids="uuid[]",
)

# Who an email's recipients are, where only their positions are known.
ADDRESSES = text(
    """
    SELECT CAST(recipients.email_id AS text) AS email_id, recipients.position, account_id, address
    FROM recipients
    JOIN unnest(CAST(:ids AS uuid[]), CAST(:positions AS smallint[])) AS wanted (email_id, position)
        ON recipients.email_id = wanted.email_id AND recipients.position = wanted.position
    """
)

CONTENTS = Prepared(
    "contents",
    """
    SELECT CAST(id AS text) AS id, subject, html, text, attachments, raw_file_id, raw_size FROM contents
    WHERE id = ANY(:ids)
    """,
    ids="uuid[]",
)

ATTACHMENTS = text(
    """
    SELECT CAST(content_id AS text) AS content_id, file_id, size, filename, content_type, cid FROM attachments
    WHERE content_id = ANY(CAST(:ids AS uuid[])) ORDER BY content_id, position
    """
)

# Files are stored uncompressed, so Postgres reads no more than the slice.
FILE_SLICE = text("SELECT substring(data FROM :start FOR :length) FROM files WHERE id = CAST(:id AS uuid)")

# Only the holder of the latest claim may write: a sender that lost its lease changes nothing.
RECORD_EMAILS = Prepared(
    "record_emails",
    """
    UPDATE emails SET
        status = new.status, due_at = new.due_at, last_error = new.last_error, updated_at = now()
    FROM unnest(:ids, :attempts, :statuses, :due_at, :errors) AS new (id, attempt, status, due_at, last_error)
    WHERE emails.id = new.id AND emails.attempts = new.attempt AND emails.status = 'sending'
    RETURNING CAST(emails.id AS text) AS id, CAST(emails.campaign_id AS text) AS campaign_id
    """,
    ids="uuid[]",
    attempts="int[]",
    statuses="text[]",
    due_at="timestamptz[]",
    errors="text[]",
)

RECORD_RECIPIENTS = Prepared(
    "record_recipients",
    """
    UPDATE recipients SET
        status = new.status, smtp_code = new.code, smtp_reply = new.reply, relay = new.relay,
        bounce_class = new.bounce_class, bounce_reason = new.bounce_reason, updated_at = now()
    FROM unnest(:ids, :positions, :statuses, :codes, :replies, :relays, :classes, :reasons)
        AS new (email_id, position, status, code, reply, relay, bounce_class, bounce_reason)
    WHERE recipients.email_id = new.email_id AND recipients.position = new.position
      AND recipients.status IN ('queued', 'unknown', 'deferred')
    """,
    ids="uuid[]",
    positions="smallint[]",
    statuses="text[]",
    codes="smallint[]",
    replies="text[]",
    relays="text[]",
    classes="text[]",
    reasons="text[]",
)

# In one order, so that two of these at once lock rows alike.
COUNT_OUTCOMES = Prepared(
    "count_outcomes",
    """
    INSERT INTO campaign_counts (campaign_id, slot, sent, bounced, failed, suppressed)
    SELECT campaign_id, :slot, sent, bounced, failed, suppressed
    FROM unnest(:campaigns, :sent, :bounced, :failed, :suppressed)
        AS new (campaign_id, sent, bounced, failed, suppressed)
    WHERE EXISTS (SELECT FROM campaigns WHERE campaigns.id = new.campaign_id)
    ORDER BY campaign_id
    ON CONFLICT (campaign_id, slot) DO UPDATE SET
        sent = campaign_counts.sent + excluded.sent, bounced = campaign_counts.bounced + excluded.bounced,
        failed = campaign_counts.failed + excluded.failed,
        suppressed = campaign_counts.suppressed + excluded.suppressed
    """,
    slot="smallint",
    campaigns="uuid[]",
    sent="int[]",
    bounced="int[]",
    failed="int[]",
    suppressed="int[]",
)

# What a recording needs to know of emails whose claim it did not make itself (out of a journal).
CLAIMED = text(
    """
    SELECT CAST(id AS text) AS id, account_id, attempts, stream, COALESCE(send_at, created_at) AS wanted_at
    FROM emails WHERE id = ANY(CAST(:ids AS uuid[])) AND status = 'sending'
    """
)

RELEASE = text(
    """
    UPDATE emails SET status = 'queued', due_at = now(), updated_at = now()
    FROM unnest(CAST(:ids AS uuid[]), CAST(:attempts AS int[])) AS held (id, attempt)
    WHERE emails.id = held.id AND emails.attempts = held.attempt AND emails.status = 'sending'
    RETURNING CAST(emails.id AS text) AS id, emails.stream
    """
)

# What was paused or cancelled of the campaigns that a chunk belongs to.
HALTED = text(
    """
    SELECT 1 FROM campaigns
    WHERE id = ANY(CAST(:ids AS uuid[])) AND status IN ('paused', 'cancelled') LIMIT 1
    """
)

# As arrays: a row of parameters for each event would cost more than the row.
ADD_EVENTS = Prepared(
    "add_events",
    """
    INSERT INTO events (id, account_id, email_id, position, type, source, occurred_at, data)
    SELECT id, account_id, email_id, position, type, 'sender', :moment, data
    FROM unnest(:ids, :account_ids, :email_ids, :positions, :types, :data)
        AS new (id, account_id, email_id, position, type, data)
    """,
    ids="uuid[]",
    account_ids="uuid[]",
    email_ids="uuid[]",
    positions="smallint[]",
    types="text[]",
    data="jsonb[]",
    moment="timestamptz",
)
