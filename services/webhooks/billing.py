"""Events of subscriptions and payments → where an account stands. Pure.

Razorpay promises neither order nor once (https://razorpay.com/docs/webhooks/). So nothing is moved event by
event: a subscription's standing is folded anew out of all events that are known of it, in the order in which
they happened. Whatever the order in which they came, and however often, the end is the same.

    none → active ⇄ grace → halted          active ⇄ paused          any → ending (until paid_through)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.plans import held_until, is_held

#: What moves a subscription, in the order in which events of one second are taken to have happened.
ORDER = (
    "subscription.authenticated",
    "subscription.activated",
    "subscription.charged",
    "subscription.updated",
    "subscription.pending",
    "subscription.halted",
    "subscription.paused",
    "subscription.resumed",
    "subscription.cancelled",
    "subscription.completed",
)
_RANK = {name: rank for rank, name in enumerate(ORDER)}
_STATES = {
    "subscription.activated": "active",
    "subscription.charged": "active",
    "subscription.resumed": "active",
    "subscription.pending": "grace",
    "subscription.halted": "halted",
    "subscription.paused": "paused",
    "subscription.cancelled": "ending",
    "subscription.completed": "ending",
}
#: What comes of a payment's events; the later of two that disagree in order is the higher.
PAYMENTS = {
    "payment.failed": "failed",
    "payment.authorized": "authorized",
    "payment.captured": "captured",
    "subscription.charged": "captured",
    "invoice.paid": "captured",
    "order.paid": "captured",
    "refund.processed": "refunded",
}


@dataclass(frozen=True)
class Event:
    """One event about a subscription."""

    id: str
    type: str
    happened_at: datetime
    plan_id: str | None = None
    #: the end of the period that is paid for, as of this event
    current_end: datetime | None = None


@dataclass(frozen=True)
class Standing:
    """Where a subscription stands; `plan_id` is the provider's."""

    state: str = "none"
    plan_id: str | None = None
    paid_through: datetime | None = None
    grace_until: datetime | None = None
    as_of: datetime | None = None

    def holds(self, moment: datetime) -> bool:
        """Whether its plan is in force at `moment`."""
        return is_held(self.state, self.due_at, moment)

    @property
    def due_at(self) -> datetime | None:
        """When that changes without another event."""
        return held_until(self.state, self.paid_through, self.grace_until)


def fold(events: Iterable[Event], grace: timedelta) -> Standing:
    """The standing after all of `events`, however they are ordered and repeated."""
    known = {event.id: event for event in events if event.type in _RANK}
    standing = Standing()
    for event in sorted(known.values(), key=lambda item: (item.happened_at, _RANK[item.type], item.id)):
        standing = _after(standing, event, grace)
    return standing


def _after(standing: Standing, event: Event, grace: timedelta) -> Standing:
    ends = [moment for moment in (standing.paid_through, event.current_end) if moment]
    paid = event.type in ("subscription.activated", "subscription.charged", "subscription.resumed")
    cut = event.type in ("subscription.cancelled", "subscription.completed")
    counts = paid or (cut and not standing.paid_through)
    paid_through = max(ends, default=None) if counts else standing.paid_through
    state = _STATES.get(event.type, standing.state)
    if standing.state == "ending" and state != "ending":
        state = "ending"  # nothing brings back what was cancelled; a new subscription has an id of its own
    grace_until = None
    if state == "grace":
        grace_until = standing.grace_until if standing.state == "grace" else event.happened_at + grace
    return replace(
        standing,
        state=state,
        plan_id=event.plan_id or standing.plan_id,
        paid_through=paid_through,
        grace_until=grace_until,
        as_of=event.happened_at,
    )


def best(standings: Iterable[tuple[str, Standing]], moment: datetime) -> tuple[str, Standing] | None:
    """Of an account's subscriptions the one that counts: one in force, else the one that moved last."""
    listed = sorted(standings, key=lambda item: (item[1].holds(moment), item[1].as_of or moment, item[0]))
    return listed[-1] if listed else None
