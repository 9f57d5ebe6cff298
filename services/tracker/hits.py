"""A hit: what one request for a pixel, a link or a way out has told us, as one line of text.

The line is what the spool and the queue carry. Its fields are only ever added at the end, so that a line
written by an older tracker is still read. Pure.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.ids import id_time

OPEN, CLICK, UNSUBSCRIBE = "open", "click", "unsubscribe"
_KINDS = frozenset({OPEN, CLICK, UNSUBSCRIBE})
#: Most that is kept of a User-Agent (characters).
LONGEST_AGENT = 300


@dataclass(frozen=True, slots=True)
class Hit:
    """Who called what, and how.

    `id` is the event's (UUIDv7), so that a hit which is told twice is one event; it also says when.
    `position` None: one of several recipients. `prefetch`: the request said that nobody has asked for it yet.
    `index` and `target` are a click's; contact and campaign an unsubscription's, with its `scope`.
    """

    id: UUID
    kind: str
    email_id: UUID
    position: int | None
    method: str
    agent: str
    address: str
    prefetch: bool = False
    index: int | None = None
    target: str | None = None
    contact_id: UUID | None = None
    campaign_id: UUID | None = None
    scope: str | None = None

    @property
    def occurred_at(self) -> datetime:
        """When, to the millisecond."""
        return id_time(self.id)

    def line(self) -> str:
        """The hit as one line, without its end."""
        return json.dumps(
            [
                self.id.hex,
                self.kind,
                self.email_id.hex,
                self.position,
                self.method,
                self.agent,
                self.address,
                self.prefetch,
                self.index,
                self.target,
                self.contact_id and self.contact_id.hex,
                self.campaign_id and self.campaign_id.hex,
                self.scope,
            ],
            separators=(",", ":"),
        )


def parse(line: str) -> Hit | None:
    """The hit in `line`; None if it is none, as where a killed tracker had not written it whole."""
    try:
        id, kind, email_id, position, method, agent, address, prefetch, *more = json.loads(line)
        index, target, contact_id, campaign_id, scope = (*more, *[None] * 5)[:5]
        if kind not in _KINDS or not (position is None or 0 <= int(position) < 0xFFFF):
            return None
        return Hit(
            UUID(hex=id),
            kind,
            UUID(hex=email_id),
            position,
            str(method),
            str(agent),
            str(address),
            bool(prefetch),
            index,
            target,
            contact_id and UUID(hex=contact_id),
            campaign_id and UUID(hex=campaign_id),
            scope,
        )
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None
