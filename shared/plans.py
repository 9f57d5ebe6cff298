"""Plans as configuration: what an install sells, as JSON, or the path of a file that holds it.

    [{"id": "free", "name": "Free", "daily": 100, "monthly": 3000},
     {"id": "pro", "name": "Pro", "monthly": 50000, "razorpay": ["plan_00000000000001"]}]

The first is what an account without a paid subscription has. Without any, billing is off.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Plan:
    """A plan; `daily` and `monthly` are quotas of recipients, None: any number; `razorpay` its ids there."""

    id: str
    name: str
    daily: int | None = None
    monthly: int | None = None
    razorpay: tuple[str, ...] = ()


def held_until(state: str, paid_through: datetime | None, grace_until: datetime | None) -> datetime | None:
    """Until when a plan is in force without another payment: in grace, and after cancelling."""
    return {"grace": grace_until, "ending": paid_through}.get(state)


def is_held(state: str, until: datetime | None, moment: datetime) -> bool:
    """Whether a paid plan is in force at `moment`; `until` is `held_until`."""
    return state == "active" or (until is not None and moment < until)


class Plans:
    """All of them, in the order given.

    Raises:
        ValueError: the text is no such JSON.
    """

    def __init__(self, text: str) -> None:
        self._text = text.strip()
        listed = json.loads(_json(self._text)) if self._text else []
        if not isinstance(listed, list):
            raise ValueError("not an array of plans")
        self.all = tuple(_plan(item) for item in listed)
        if len({plan.id for plan in self.all}) != len(self.all):
            raise ValueError("two plans have one id")

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return f"Plans({self._text!r})"

    def __bool__(self) -> bool:
        """Whether billing is on."""
        return bool(self.all)

    @property
    def default(self) -> Plan:
        """What an account without a paid subscription has; only with billing on."""
        return self.all[0]

    def get(self, id: str | None) -> Plan:
        """The plan with this id of ours; the default where there is none such any more."""
        return next((plan for plan in self.all if plan.id == id), self.default)

    def of_razorpay(self, id: str | None) -> Plan | None:
        """The plan that Razorpay knows as `id`."""
        return next((plan for plan in self.all if id in plan.razorpay), None)


def _json(text: str) -> str:
    if text[0] in "[{":
        return text
    try:
        return Path(text).read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError(f"neither JSON nor a file: {error}") from error


def _plan(item: Any) -> Plan:
    if not isinstance(item, dict) or set(item) - {"id", "name", "daily", "monthly", "razorpay"}:
        raise ValueError(f"not a plan: {item!r}")
    id, name, ids = item.get("id"), item.get("name"), item.get("razorpay", [])
    if not (isinstance(id, str) and id and isinstance(name, str) and isinstance(ids, list)):
        raise ValueError(f"a plan needs an id and a name: {item!r}")
    quotas = [item.get("daily"), item.get("monthly")]
    if any(quota is not None and (not isinstance(quota, int) or quota < 1) for quota in quotas):
        raise ValueError(f"a quota is a number from 1 on: {item!r}")
    return Plan(id, name, quotas[0], quotas[1], tuple(map(str, ids)))
