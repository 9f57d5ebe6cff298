"""The states of an email and of each of its recipients, and which moves are allowed. Pure.

    scheduled → queued → sending ⇄ deferred → sent → delivered
                             ↘ unknown (a lost DATA reply) ↗ sending
    final: delivered, bounced, failed, complained, cancelled, suppressed

Delivery events climb the ladder and never descend: a late or repeated event changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

SCHEDULED = "scheduled"
QUEUED = "queued"
SENDING = "sending"
UNKNOWN = "unknown"
DEFERRED = "deferred"
SENT = "sent"
DELIVERED = "delivered"
BOUNCED = "bounced"
FAILED = "failed"
COMPLAINED = "complained"
CANCELLED = "cancelled"
SUPPRESSED = "suppressed"

#: Every state, lowest rung first.
LADDER = (
    SCHEDULED,
    QUEUED,
    SENDING,
    UNKNOWN,
    DEFERRED,
    SENT,
    DELIVERED,
    BOUNCED,
    FAILED,
    COMPLAINED,
    CANCELLED,
    SUPPRESSED,
)
#: States in which somebody still owes the email an attempt: the sweeper's business.
UNFINISHED = (SCHEDULED, QUEUED, SENDING, UNKNOWN, DEFERRED)
#: States of a recipient that the next attempt still has to serve.
PENDING = (QUEUED, UNKNOWN, DEFERRED)
#: A sender may take an email out of these, once its `due_at` has come (queued: at once).
CLAIMABLE = (QUEUED, SENDING, UNKNOWN, DEFERRED)

_RANK = {state: rank for rank, state in enumerate(LADDER)}


def climbs(old: str, new: str) -> bool:
    """Whether a delivery event may move a recipient from `old` to `new`."""
    if old in (CANCELLED, SUPPRESSED):
        return False
    return _RANK[new] > _RANK[old]


def email_status(recipients: Iterable[str]) -> str:
    """An email's status out of its recipients': the lowest rung among those it can still reach.

    Only when nobody was reached does the email itself count as bounced, failed or suppressed; a complaint
    outranks a delivery, because it is what an operator must see.
    """
    states = set(recipients)
    open_states = states & set(UNFINISHED)
    if open_states:
        return min(open_states, key=_RANK.__getitem__)
    if COMPLAINED in states:
        return COMPLAINED
    reached = states & {SENT, DELIVERED}
    if reached:
        return min(reached, key=_RANK.__getitem__)
    return min(states, key=_RANK.__getitem__)
