"""A transaction in itself: whom a message goes to, and what the replies to its commands come to."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from services.sender.outcomes import (
    Outcome,
    Reply,
    for_all,
    judge_recipient,
    judge_sender,
    suppression_of,
)
from services.sender.wire import ProtocolError

#: MAIL refused with one of these is about this connection (out of step, no login, no TLS), not the email.
_OUT_OF_ORDER = (503, 530)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LOOSE = re.compile(r"[\x00-\x20\x7f<>]")


class OutOfOrder(ProtocolError):
    """The relay refused a message for the state the connection is in: it does not have it."""


class Closing(ConnectionAbortedError):
    """The relay takes its leave (421): it takes nothing that it has not answered (RFC 5321 §3.8)."""


class Envelope(NamedTuple):
    """Who a message goes to: `recipients` are (position, address)."""

    sender: str
    recipients: Sequence[tuple[int, str]]

    @property
    def positions(self) -> list[int]:
        """The recipients' positions."""
        return [position for position, _ in self.recipients]


class Item(NamedTuple):
    """A message on its way with others: `message` has CRLF line ends and ends in one."""

    envelope: Envelope
    message: bytes


def judge_envelope(
    envelope: Envelope, mail: Reply, rcpts: Sequence[Reply]
) -> tuple[list[Outcome], list[int]]:
    """Outcomes so far and positions accepted, out of the replies to MAIL and to each RCPT.

    Raises:
        OutOfOrder: MAIL was refused for the state the connection is in.
    """
    if mail.code in _OUT_OF_ORDER:
        raise OutOfOrder(str(mail))
    if not mail.positive:
        return for_all(envelope.positions, judge_sender(mail), mail), []
    if all(reply.positive for reply in rcpts):
        return [], envelope.positions
    judged = [
        (position, judge_recipient(reply), reply)
        for position, reply in zip(envelope.positions, rcpts, strict=True)
    ]
    refused = [
        Outcome(where, status, reply, suppression_of(reply)) for where, status, reply in judged if status
    ]
    return refused, [position for position, status, _ in judged if status is None]


def breaks_out(address: str) -> bool:
    """Whether `address` would end the command that names it."""
    # a quoted local part may hold spaces and angle brackets
    return (_CONTROL if address.startswith('"') else _LOOSE).search(address) is not None
