"""The tracker's SQL: what hits add up to, for a whole batch at once."""

from __future__ import annotations

from sqlalchemy import text

# What a hit has to be told of. Emails that retention has dropped are not there.
EMAILS = text(
    """
    SELECT id, account_id, campaign_id, contact_id FROM emails WHERE id = ANY(CAST(:ids AS uuid[]))
    """
)

# In one order, so that two writers never wait for each other; they take turns at a recipient's hits.
LOCK_RECIPIENTS = text(
    """
    SELECT recipients.email_id, recipients.position, status, updated_at FROM recipients
    JOIN unnest(CAST(:ids AS uuid[]), CAST(:positions AS smallint[])) AS hit (email_id, position)
        ON recipients.email_id = hit.email_id AND recipients.position = hit.position
    ORDER BY recipients.email_id, recipients.position FOR UPDATE OF recipients
    """
)

# A hit that was told before is there already, and counts no second time.
INSERT_EVENTS = text(
    """
    INSERT INTO events (id, account_id, email_id, position, type, source, occurred_at, data)
    SELECT id, account_id, email_id, position, type, 'tracker', occurred_at, data FROM unnest(
        CAST(:ids AS uuid[]), CAST(:accounts AS uuid[]), CAST(:emails AS uuid[]),
        CAST(:positions AS smallint[]), CAST(:types AS text[]), CAST(:moments AS timestamptz[]),
        CAST(:data AS jsonb[])
    ) AS new (id, account_id, email_id, position, type, occurred_at, data)
    ON CONFLICT DO NOTHING
    RETURNING id
    """
)

# Times only move to earlier ones: batches may come in any order. LEAST passes over what is null.
COUNT_RECIPIENTS = text(
    """
    UPDATE recipients SET
        opens = recipients.opens + new.opens, clicks = recipients.clicks + new.clicks,
        machine_opens = recipients.machine_opens + new.machine_opens,
        machine_clicks = recipients.machine_clicks + new.machine_clicks,
        opened_at = LEAST(recipients.opened_at, new.opened_at),
        clicked_at = LEAST(recipients.clicked_at, new.clicked_at),
        machine_opened_at = LEAST(recipients.machine_opened_at, new.machine_opened_at),
        machine_clicked_at = LEAST(recipients.machine_clicked_at, new.machine_clicked_at)
    FROM unnest(
        CAST(:ids AS uuid[]), CAST(:positions AS smallint[]),
        CAST(:opens AS int[]), CAST(:clicks AS int[]),
        CAST(:machine_opens AS int[]), CAST(:machine_clicks AS int[]),
        CAST(:opened_at AS timestamptz[]), CAST(:clicked_at AS timestamptz[]),
        CAST(:machine_opened_at AS timestamptz[]), CAST(:machine_clicked_at AS timestamptz[])
    ) AS new (email_id, position, opens, clicks, machine_opens, machine_clicks,
              opened_at, clicked_at, machine_opened_at, machine_clicked_at)
    WHERE recipients.email_id = new.email_id AND recipients.position = new.position
    """
)

# The ledger has times alone, taken over from the recipient, which is up to date by now: right also where a
# click has turned out to be a machine's.
COUNT_LEDGER = text(
    """
    WITH held AS (
        SELECT ledger.campaign_id, ledger.contact_id FROM campaign_recipients AS ledger
        JOIN unnest(CAST(:campaigns AS uuid[]), CAST(:contacts AS uuid[])) AS hit (campaign_id, contact_id)
            ON ledger.campaign_id = hit.campaign_id AND ledger.contact_id = hit.contact_id
        ORDER BY ledger.campaign_id, ledger.contact_id FOR UPDATE OF ledger
    )
    UPDATE campaign_recipients AS ledger SET
        opened_at = recipients.opened_at, clicked_at = recipients.clicked_at,
        machine_opened_at = recipients.machine_opened_at, machine_clicked_at = recipients.machine_clicked_at
    FROM held JOIN unnest(
        CAST(:campaigns AS uuid[]), CAST(:contacts AS uuid[]),
        CAST(:ids AS uuid[]), CAST(:positions AS smallint[])
    ) AS hit (campaign_id, contact_id, email_id, position) USING (campaign_id, contact_id)
    JOIN recipients ON recipients.email_id = hit.email_id AND recipients.position = hit.position
    WHERE ledger.campaign_id = held.campaign_id AND ledger.contact_id = held.contact_id
      AND ledger.email_id = hit.email_id
    """
)

NOTE_ACTIVITY = text(
    """
    WITH held AS (
        SELECT contacts.id, hit.moment FROM contacts
        JOIN unnest(
            CAST(:accounts AS uuid[]), CAST(:contacts AS uuid[]), CAST(:moments AS timestamptz[])
        ) AS hit (account_id, id, moment) ON contacts.id = hit.id AND contacts.account_id = hit.account_id
        ORDER BY contacts.id FOR UPDATE OF contacts
    )
    UPDATE contacts SET last_activity_at = GREATEST(contacts.last_activity_at, held.moment)
    FROM held WHERE contacts.id = held.id
    """
)

# Clicks around those of this batch, which together may turn out to be many links at once.
CLICKS_SINCE = text(
    """
    WITH recent AS (
        SELECT id, account_id, email_id, position, occurred_at, data FROM events
        WHERE email_id = ANY(CAST(:emails AS uuid[])) AND id >= CAST(:since AS uuid)
          AND type = 'email.clicked' AND position IS NOT NULL
    )
    SELECT recent.* FROM recent JOIN (
        SELECT email_id, position FROM recent
        GROUP BY email_id, position HAVING count(DISTINCT data->>'link') >= :links
    ) AS several USING (email_id, position)
    """
)

REJUDGE = text(
    """
    UPDATE events SET data = new.data
    FROM unnest(CAST(:ids AS uuid[]), CAST(:data AS jsonb[])) AS new (id, data)
    WHERE events.id = new.id
    """
)

# What a recipient's clicks come to, counted anew.
RECOUNT_CLICKS = text(
    """
    UPDATE recipients SET
        clicks = found.clicks, machine_clicks = found.machine_clicks,
        clicked_at = found.clicked_at, machine_clicked_at = found.machine_clicked_at
    FROM (
        SELECT email_id, position,
            count(*) FILTER (WHERE NOT machine) AS clicks, count(*) FILTER (WHERE machine) AS machine_clicks,
            min(occurred_at) FILTER (WHERE NOT machine) AS clicked_at,
            min(occurred_at) FILTER (WHERE machine) AS machine_clicked_at
        FROM (
            SELECT events.email_id, events.position, occurred_at, (data->>'machine')::boolean AS machine
            FROM events JOIN unnest(CAST(:ids AS uuid[]), CAST(:positions AS smallint[]))
                AS wanted (email_id, position)
                ON events.email_id = wanted.email_id AND events.position = wanted.position
            WHERE type = 'email.clicked'
        ) AS clicks GROUP BY email_id, position
    ) AS found
    WHERE recipients.email_id = found.email_id AND recipients.position = found.position
    """
)
