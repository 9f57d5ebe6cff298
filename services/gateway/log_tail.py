"""The log as it happens: the events of emails behind a position of the feed, filtered, as server-sent events.

Every event has its position in the feed as its id, so a client that connects anew goes on behind the last one
that it has heard, and misses nothing. Signs of life carry it too: what a filter passed over is read once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from shared import event_feed
from shared.db import transaction
from shared.event_feed import Position, Reader, Told

#: Events of one look, for each who follows.
_EACH = 500


@dataclass(frozen=True)
class TailFilter:
    """Which events; None: whatever it is. `domain` is the sender's, `event` without its `email.`."""

    search: str | None = None
    domain: str | None = None
    tag: str | None = None
    campaign_id: UUID | None = None
    event: str | None = None

    def passes(self, told: Told) -> bool:
        """Whether this is one of them."""
        data = told.data
        domain = (data["from"] or "").rpartition("@")[2].lower()
        return (
            self.event in (None, told.type.removeprefix("email."))
            and (self.domain is None or domain == self.domain.lower())
            and (self.tag is None or self.tag in data["tags"])
            and (self.campaign_id is None or data["campaign_id"] == str(self.campaign_id))
            and (self.search is None or self._is_named(data))
        )

    def _is_named(self, data: dict[str, Any]) -> bool:
        words = (self.search or "").lower()
        named = (data["recipient"], data["subject"], data["message_id"], data["email_id"])
        return any(words in (name or "").lower() for name in named)


class Tail:
    """Somebody who follows: what of it they want, and how far they are."""

    def __init__(self, account_id: UUID, which: TailFilter, position: Position) -> None:
        """`position`: behind which event they begin."""
        self.account_id = account_id
        self.which = which
        self.position = position

    def news(self) -> tuple[str, bool]:
        """What happened since, as text of events; there is always more to come."""
        return read([self])[0], False

    def beat(self) -> str:
        """A sign of life, with the position."""
        return f": still here\nid: {self.position}\n\n"


def begin(account_id: UUID, which: TailFilter, after: Position | None) -> Tail:
    """Follows from behind `after`; None: from now on."""
    if after is None:
        with transaction() as tx:
            after = event_feed.now_position(tx)
    return Tail(account_id, which, after)


def read(tails: Sequence[Tail]) -> list[str]:
    """What happened since each of them last heard, as text of events, in one look for all."""
    readers = [Reader(str(number), tail.account_id, tail.position) for number, tail in enumerate(tails)]
    with transaction() as tx:
        found = event_feed.read_after(tx, readers, _EACH)
        told = {name: event_feed.tell(tx, rows) for name, rows in found.items()}
    texts = []
    for reader, tail in zip(readers, tails, strict=True):
        rows = found[reader.name]
        pairs = zip(rows, told[reader.name], strict=True)
        texts.append("".join(text for row, items in pairs for text in _events(tail, row, items)))
        if rows:
            tail.position = event_feed.position_of(rows[-1])
    return texts


def _events(tail: Tail, row: Any, items: Sequence[Told]) -> Iterator[str]:
    if row.email_id is None:
        return
    wanted = [item for item in items if tail.which.passes(item)]
    for item in wanted:
        # several recipients of one row: who hears only some of them is told of all anew
        id = f"id: {event_feed.position_of(row)}\n" if item is wanted[-1] else ""
        yield f"{id}event: log\ndata: {json.dumps({'id': item.id, **item.body()})}\n\n"
