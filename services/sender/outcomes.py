"""SMTP replies → what becomes of a recipient. A pure table (RFC 5321 §4.2.1, §4.3.2).

An expected refusal is a value, never an exception.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from shared import states
from shared.bounces import NO_SUCH_MAILBOX

_PRINTABLE_LIMIT = 1_000
#: RFC 3463 §2: class.subject.detail at the start of the text.
_ENHANCED = re.compile(r"5\.\d{1,3}\.\d{1,3}(?!\S)")


class Reply(NamedTuple):
    """One SMTP reply: its code and its text on one line."""

    code: int
    text: str

    @classmethod
    def from_wire(cls, code: int, text: bytes) -> Reply:
        """A reply as read from a relay: undecodable and control characters replaced, length bounded."""
        clean = " ".join(text.decode("utf-8", "replace").split())
        if not clean.isprintable():
            clean = "".join(char if char.isprintable() else "?" for char in clean)
        return cls(code, clean[:_PRINTABLE_LIMIT])

    @property
    def positive(self) -> bool:
        """Whether it says yes: the first digit decides (RFC 5321 §4.2.1)."""
        return 200 <= self.code < 300

    def __str__(self) -> str:
        return f"{self.code} {self.text}".strip()


class Outcome(NamedTuple):
    """What one attempt did for one recipient: its new state and the reply that says why.

    `suppression` is the reason of a suppression: of the one that stopped this attempt (status `suppressed`),
    or of the one that follows from it (status `bounced`).
    """

    position: int
    status: str
    reply: Reply | None
    suppression: str | None = None


def judge_sender(reply: Reply) -> str:
    """A refused MAIL FROM: ours to mend when permanent, hence failed and not bounced."""
    return states.FAILED if reply.code >= 500 else states.DEFERRED


def judge_recipient(reply: Reply) -> str | None:
    """A reply to RCPT TO: None when accepted."""
    if reply.positive:
        return None
    return states.BOUNCED if reply.code >= 500 else states.DEFERRED


def suppression_of(reply: Reply) -> str | None:
    """Why an address should be suppressed whose RCPT got this reply: `hard_bounce`, or `None`.

    Only the recipient class of RFC 3463 says that a mailbox does not exist; a bare 550, or 5.7.x, may be our
    own fault and must never cost an address. Not for replies to DATA: they speak of the message.
    """
    enhanced = _ENHANCED.match(reply.text)
    gone = reply.code >= 500 and enhanced is not None and enhanced[0] in NO_SUCH_MAILBOX
    return "hard_bounce" if gone else None


def judge_data(reply: Reply) -> str:
    """The reply to DATA or to the final dot, for every recipient that was accepted before.

    No reply (code 0), or one that makes no sense there, leaves open whether the relay has the message.
    """
    if reply.positive:
        return states.SENT
    if reply.code < 400:
        return states.UNKNOWN
    return states.BOUNCED if reply.code >= 500 else states.DEFERRED


def for_all(positions: Sequence[int], status: str, reply: Reply | None) -> list[Outcome]:
    """The same outcome for every recipient in `positions`."""
    return [Outcome(position, status, reply) for position in positions]
