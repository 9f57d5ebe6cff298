"""What came of a campaign: counted while it is sent, and asked of every recipient for what comes after."""

from __future__ import annotations

import time
from collections import deque
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from services.gateway.one_insert import Row
from shared import campaign_states
from shared.db import transaction

_PROGRESS = text(
    """
    SELECT status, total, expanded, started_at, finished_at,
        COALESCE(sum(sent), 0) AS sent, COALESCE(sum(bounced), 0) AS bounced,
        COALESCE(sum(failed), 0) AS failed, COALESCE(sum(suppressed), 0) AS suppressed,
        COALESCE(sum(cancelled), 0) AS cancelled
    FROM campaigns LEFT JOIN campaign_counts ON campaign_id = id
    WHERE id = :id AND account_id = :account GROUP BY id
    """
)

# Of each recipient, as things stand: a bounce that was reported after the relay had taken the mail is one.
_OUTCOMES = text(
    """
    SELECT count(*) AS recipients,
        count(*) FILTER (WHERE emails.status IN ('sent', 'delivered', 'complained')) AS sent,
        count(*) FILTER (WHERE emails.status IN ('delivered', 'complained')) AS delivered,
        count(*) FILTER (WHERE emails.status = 'bounced') AS bounced,
        count(*) FILTER (WHERE emails.status = 'failed') AS failed,
        count(*) FILTER (WHERE emails.status = 'complained') AS complained,
        count(*) FILTER (WHERE emails.status = 'suppressed') AS suppressed,
        count(*) FILTER (WHERE emails.status = 'cancelled') AS cancelled,
        count(*) FILTER (WHERE emails.status IN ('queued', 'sending', 'unknown', 'deferred')) AS queued,
        count(ledger.opened_at) AS opened, count(ledger.clicked_at) AS clicked,
        count(ledger.machine_opened_at) AS machine_opened, count(ledger.machine_clicked_at) AS machine_clicked
    FROM campaign_recipients AS ledger LEFT JOIN emails ON emails.id = ledger.email_id
    WHERE ledger.campaign_id = :id
    """
)
_UNSUBSCRIBED = text(
    """
    SELECT count(DISTINCT contact_id) FROM subscriptions
    WHERE campaign_id = :id AND account_id = :account AND status = 'unsubscribed'
    """
)
_DOMAINS = text(
    """
    SELECT lower(substring(recipients.address FROM '[^@]*$')) AS domain, count(*) AS recipients,
        count(*) FILTER (WHERE recipients.status IN ('sent', 'delivered', 'complained')) AS sent,
        count(*) FILTER (WHERE recipients.status IN ('delivered', 'complained')) AS delivered,
        count(*) FILTER (WHERE recipients.status = 'bounced') AS bounced,
        count(ledger.opened_at) AS opened, count(ledger.clicked_at) AS clicked
    FROM campaign_recipients AS ledger JOIN recipients ON recipients.email_id = ledger.email_id
    WHERE ledger.campaign_id = :id GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT :limit
    """
)
_LINKS = text(
    """
    SELECT events.data->>'url' AS url, count(*) AS clicks,
        count(*) FILTER (WHERE COALESCE(events.data->>'machine', 'false') = 'false') AS human_clicks,
        count(DISTINCT events.email_id) AS recipients
    FROM campaign_recipients AS ledger JOIN events ON events.email_id = ledger.email_id
    WHERE ledger.campaign_id = :id AND events.type = 'email.clicked' GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT
    :limit
    """
)
_OVER_TIME = text(
    """
    SELECT date_trunc('hour', moment) AS starts, count(*) FILTER (WHERE kind = 'opened') AS opened,
        count(*) FILTER (WHERE kind = 'clicked') AS clicked
    FROM campaign_recipients AS ledger
    CROSS JOIN LATERAL (VALUES ('opened', ledger.opened_at), ('clicked', ledger.clicked_at)) AS seen (kind,
    moment) WHERE ledger.campaign_id = :id AND moment IS NOT NULL GROUP BY 1 ORDER BY 1 LIMIT :limit
    """
)

#: Most links, domains and hours of one answer.
_MOST = 500
#: A look at every recipient may take this share of the time, and comes at most every so many seconds.
_SHARE, _SOONEST = 0.05, 2.0
#: Over how many seconds a rate is taken.
_WINDOW = 5.0


def statistics(tx: Connection, account_id: UUID, id: UUID) -> Row:
    """Everything that is known of a campaign of the account's, exact as of now."""
    values = {"id": str(id), "limit": _MOST}
    totals = dict(tx.execute(_OUTCOMES, values).mappings().one())
    totals["unsubscribed"] = tx.execute(
        _UNSUBSCRIBED, {"id": str(id), "account": str(account_id)}
    ).scalar_one()
    return {
        "totals": totals,
        "rates": _rates(totals),
        "links": [dict(row) for row in tx.execute(_LINKS, values).mappings()],
        "domains": [dict(row) for row in tx.execute(_DOMAINS, values).mappings()],
        "over_time": [dict(row) for row in tx.execute(_OVER_TIME, values).mappings()],
    }


def _rates(totals: Row) -> dict[str, float]:
    """Shares of what was sent, 0 to 1; opens and clicks are people's."""
    sent = totals["sent"]
    of_sent = ("delivered", "complained", "opened", "clicked", "unsubscribed")
    shares = {name: totals[name] / sent if sent else 0.0 for name in of_sent}
    tried = sent + totals["bounced"] + totals["failed"]
    return {**shares, "bounced": totals["bounced"] / tried if tried else 0.0}


class CampaignLook:
    """One campaign as those see it who watch it; what is dear to count is counted seldom."""

    def __init__(self, account_id: UUID, id: UUID) -> None:
        self._values = {"id": str(id), "account": str(account_id)}
        self._account_id = account_id
        self._later: dict[str, int] = {}
        self._count_at = 0.0
        self._history: deque[tuple[float, int]] = deque()

    def __call__(self) -> tuple[dict[str, Any], bool]:
        """What there is now, and whether the campaign has come to its end."""
        with transaction() as tx:
            row = tx.execute(_PROGRESS, self._values).mappings().one_or_none()
            if row is None:
                return {"state": "deleted"}, True
            ended = row["status"] in campaign_states.FINAL
            if ended or time.monotonic() >= self._count_at:
                self._count(tx)
        settled = sum(row[name] for name in ("sent", "bounced", "failed", "suppressed", "cancelled"))
        if ended:  # the last word is the emails' own
            seen = {name: self._later[name] for name in ("queued", "sent", "bounced", "failed")}
        else:
            seen = {
                "queued": row["expanded"] - settled,
                **{key: row[key] for key in ("sent", "bounced", "failed")},
            }
        rate = 0.0 if ended else self._rate(settled)
        left = max(0, (row["total"] or 0) - settled)
        return {
            "state": row["status"],
            "total": row["total"],
            **seen,
            "suppressed": row["suppressed"],
            "cancelled": row["cancelled"],
            **{key: self._later[key] for key in ("delivered", "opened", "clicked", "unsubscribed")},
            "rate": round(rate, 1),
            "eta_seconds": round(left / rate) if rate and row["status"] == campaign_states.SENDING else None,
        }, ended

    def _count(self, tx: Connection) -> None:
        began = time.monotonic()
        self._later = dict(tx.execute(_OUTCOMES, self._values).mappings().one())
        self._later["unsubscribed"] = tx.execute(_UNSUBSCRIBED, self._values).scalar_one()
        took = time.monotonic() - began
        self._count_at = time.monotonic() + max(_SOONEST, took / _SHARE)

    def _rate(self, settled: int) -> float:
        moment = time.monotonic()
        self._history.append((moment, settled))
        while moment - self._history[0][0] > _WINDOW:
            self._history.popleft()
        began, before = self._history[0]
        return (settled - before) / (moment - began) if moment > began else 0.0
