"""Quotas: how many recipients an account may send to in a day and in a month (UTC).

Counted in the transaction that accepts the email, so a count says what was accepted, whatever crashed. Test
emails count nothing. What was accepted counts on the day of its acceptance, also when it is sent later or
cancelled. While plenty is left, requests at once are not made to wait for each other; near the end they are,
so that not one recipient too many gets in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from sqlalchemy import Connection, text

from services.gateway.errors import problem
from services.gateway.intents import Intent
from services.gateway.principal import Principal
from shared.clock import now
from shared.errors import ApiError

#: More than requests at once can take of a quota together (recipients).
_PLENTY = 100_000

_USED = text(
    """
    SELECT COALESCE(sum(recipients) FILTER (WHERE day = :day), 0) AS daily,
        COALESCE(sum(recipients), 0) AS monthly,
        COALESCE(sum(emails) FILTER (WHERE day = :day), 0) AS daily_emails,
        COALESCE(sum(emails), 0) AS monthly_emails
    FROM usage WHERE account_id = :account AND day >= :month AND day <= :day
    """
)
# one account's acceptances, one after the other, until this transaction ends
_LOCK = text(
    "SELECT pg_advisory_xact_lock(hashtextextended('mailmatic.quota', 0) # hashtextextended(:account, 0))"
)


@dataclass(frozen=True, slots=True)
class Period:
    """What was used of a period: recipients and emails; `quota` is of recipients, `None`: no limit."""

    name: str
    starts: date
    resets_at: datetime
    quota: int | None
    recipients: int
    emails: int

    @property
    def remaining(self) -> int | None:
        """Recipients left; `None`: no limit."""
        return None if self.quota is None else max(0, self.quota - self.recipients)


def refusals(tx: Connection, principal: Principal, intents: Sequence[Intent]) -> list[ApiError | None]:
    """For each intent the refusal that names the used-up quota, or `None`: in order, while there is room."""
    costs = [_cost(principal, intent) for intent in intents]
    if principal.quotas == (None, None) or not any(costs):
        return [None] * len(intents)
    periods = usage(tx, principal)
    if any(left is not None and left < sum(costs) + _PLENTY for left in (item.remaining for item in periods)):
        tx.execute(_LOCK, {"account": str(principal.account_id)})
        periods = usage(tx, principal)
    return _judged(costs, periods)


def refusal_of(tx: Connection, principal: Principal, recipients: int) -> ApiError | None:
    """Why that many recipients can't be sent to at once, or `None`."""
    if principal.quotas == (None, None) or not recipients:
        return None
    spent = next((item for item in usage(tx, principal) if _lacks(item, recipients)), None)
    return _exceeded(spent) if spent else None


def usage(tx: Connection, principal: Principal) -> tuple[Period, Period]:
    """What the principal's account has used of this day and of this month."""
    return usage_of(tx, principal.account_id, principal.quotas)


def usage_of(
    tx: Connection, account_id: UUID, quotas: tuple[int | None, int | None]
) -> tuple[Period, Period]:
    """The same for any account; `quotas` are of a day and of a month."""
    today = now().date()
    month = today.replace(day=1)
    row = tx.execute(_USED, {"account": str(account_id), "day": today, "month": month}).one()
    next_month = (month + timedelta(days=32)).replace(day=1)
    return (
        Period("daily", today, _midnight(today + timedelta(days=1)), quotas[0], row.daily, row.daily_emails),
        Period("monthly", month, _midnight(next_month), quotas[1], row.monthly, row.monthly_emails),
    )


def _cost(principal: Principal, intent: Intent) -> int:
    return 0 if principal.test or intent.simulated else len(intent.recipients)


def _judged(costs: Sequence[int], periods: tuple[Period, Period]) -> list[ApiError | None]:
    verdicts: list[ApiError | None] = []
    taken = 0
    for cost in costs:
        spent = next((item for item in periods if _lacks(item, taken + cost)), None) if cost else None
        verdicts.append(_exceeded(spent) if spent else None)
        taken += 0 if spent else cost
    return verdicts


def _lacks(period: Period, wanted: int) -> bool:
    return period.remaining is not None and period.remaining < wanted


def _exceeded(period: Period) -> ApiError:
    wait = max(1, round((period.resets_at - now()).total_seconds()))
    return problem(
        f"{period.name}_quota_exceeded",
        f"The {period.name} quota is {period.quota} recipients, of which {period.remaining} are left until "
        f"{period.resets_at:%Y-%m-%d %H:%M} UTC.",
        headers={"Retry-After": str(wait)},
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
