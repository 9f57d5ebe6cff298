"""What campaigns' emails came to, counted in the transaction that records it: progress without counting
rows.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable

from sqlalchemy import Connection

from services.sender import queries
from shared import states
from shared.models.campaigns import COUNT_SLOTS

_COUNTED_AS = {
    states.SENT: "sent",
    states.DELIVERED: "sent",
    states.COMPLAINED: "sent",
    states.BOUNCED: "bounced",
    states.FAILED: "failed",
    states.SUPPRESSED: "suppressed",
}
_COLUMNS = tuple(dict.fromkeys(_COUNTED_AS.values()))


def count_outcomes(tx: Connection, ended: Iterable[tuple[str | None, str]]) -> None:
    """Adds (campaign, status) pairs of emails that were just recorded; those without an end count nothing."""
    counts: dict[str, Counter[str]] = {}
    for campaign_id, status in ended:
        if campaign_id is not None and status in _COUNTED_AS:
            counts.setdefault(campaign_id, Counter())[_COUNTED_AS[status]] += 1
    if not counts:
        return
    queries.COUNT_OUTCOMES.execute(
        tx,
        {
            "slot": random.randrange(COUNT_SLOTS),  # noqa: S311 - any will do
            "campaigns": list(counts),
            **{name: [of[name] for of in counts.values()] for name in _COLUMNS},
        },
    )
