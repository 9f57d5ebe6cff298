"""A hit: what one request for a pixel, a link or a way out has told us, as one line of text.

The line is what the spool and the queue carry. It has the token as it came and not what that says: writing it
takes a microsecond of a reader's time, and reading it is the writer's. Fields are only ever added at the end,
so that a line written by an older tracker is still read. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.ids import id_time
from shared.tracking import Click, Open, Tokens, Unsubscription

OPEN, CLICK, UNSUBSCRIBE = "open", "click", "unsubscribe"
#: Most that is kept of a User-Agent (characters).
LONGEST_AGENT = 300

_PREFETCH = "prefetch"
#: What would end a field or the line, or a reader's idea of one.
_BREAKS = dict.fromkeys([*range(0x20), 0x7F, *range(0x80, 0xA0), 0x2028, 0x2029], " ")


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


def line(
    id: UUID, token: str, method: str, agent: str, address: str, *, prefetch: bool = False, scope: str = ""
) -> str:
    """A hit as one line, without its end; `token` is authentic, the rest as the client said it."""
    if not agent.isprintable():
        agent = agent.translate(_BREAKS)
    flag = _PREFETCH if prefetch else ""
    return f"{id.hex}\t{token}\t{method}\t{agent[:LONGEST_AGENT]}\t{address}\t{flag}\t{scope}"


def parse(text: str, tokens: Tokens) -> Hit | None:
    """The hit in a line; None if it is none, as where a killed tracker had not written it whole."""
    try:
        id, token, method, agent, address, flag, scope, *_ = text.split("\t")
        event_id = UUID(hex=id)
    except ValueError:
        return None
    found, prefetch = tokens.read(token), flag == _PREFETCH
    match found:
        case Open():
            return Hit(event_id, OPEN, found.email_id, found.position, method, agent, address, prefetch)
        case Click():
            whose = (found.email_id, found.position)
            link = (found.index, found.target)
            return Hit(event_id, CLICK, *whose, method, agent, address, prefetch, *link)
        case Unsubscription():
            return Hit(
                event_id,
                UNSUBSCRIBE,
                found.email_id,
                found.position,
                method,
                agent,
                address,
                contact_id=found.contact_id,
                campaign_id=found.campaign_id,
                scope=scope,
            )
    return None
