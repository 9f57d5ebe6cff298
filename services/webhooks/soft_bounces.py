"""Addresses that have bounced softly for so long that nobody is there any more.

The rule (docs/guides/bounces.md): the last `MAILMATIC_SOFT_BOUNCES` emails to the address all bounced softly,
and they span at least `MAILMATIC_SOFT_BOUNCE_DAYS`. One delivery, or one that nobody has reported on, and the
count begins anew.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from services.webhooks import queries
from services.webhooks.matching import Recipient
from shared.bounces import SOFT
from shared.ids import id_time
from shared.settings import settings
from shared.states import BOUNCED, FAILED


def worn_out(tx: Connection, bounced: Sequence[tuple[Recipient, UUID]]) -> list[tuple[Recipient, UUID]]:
    """Those of `bounced` (with the event of each) whose address is to be suppressed."""
    count = settings().soft_bounces
    if not bounced or not count:
        return []
    ends: dict[tuple[UUID, str], list[Row[Any]]] = defaultdict(list)
    asked = {(recipient.account_id, recipient.address) for recipient, _ in bounced}
    for row in tx.execute(
        queries.LAST_ENDS,
        {
            "account_ids": [str(account) for account, _ in asked],
            "addresses": [address for _, address in asked],
            "count": count,
        },
    ):
        ends[row.account_id, row.address].append(row)
    return [item for item in bounced if _hopeless(ends[item[0].account_id, item[0].address], count)]


def _hopeless(last: Sequence[Row[Any]], count: int) -> bool:
    if len(last) < count:
        return False
    if any(row.status not in (BOUNCED, FAILED) or row.bounce_class != SOFT for row in last):
        return False
    times = [id_time(row.email_id) for row in last]
    return max(times) - min(times) >= timedelta(days=settings().soft_bounce_days)
