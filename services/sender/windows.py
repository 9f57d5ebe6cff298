"""Messages in windows: several travel in one go, each of them whole, and are answered in one go.

RFC 3030 §4.2 allows it where a relay offers CHUNKING and PIPELINING: BDAT says how long a message is, and so
waits for nothing, and the next message's commands may follow it. To a relay far away that saves a round trip
a message, and at any distance most of the system calls and switches from one process to the other.

All messages of a window may be in the relay's hands without our knowing what became of them. So a window is
short, no more than a relay takes within a second by the pace of the window before it; and nothing else is
done before its replies are read: the next one is made then.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, chain
from typing import NamedTuple

from services.sender.outcomes import Outcome, Reply, for_all, judge_data
from services.sender.relays import Relay
from services.sender.smtp import BROKEN, CLOSING, RelayConnection
from services.sender.transaction import Closing, Envelope, Item, OutOfOrder, judge_envelope
from services.sender.wire import ProtocolError
from shared import states

#: Messages in a relay's hands at once on one connection, at most, and where their octets end it sooner.
MOST = 8
_MOST_OCTETS = 256 * 1024
#: How long a window may take at its relay's pace (seconds): as long, a campaign goes on after it was paused.
_SECONDS = 1.0
#: Replies to BDAT that are about the command and not the message: the relay does not know it after all, or
#: not here (RFC 5321 §4.2.4, RFC 3030 §2).
_NOT_UNDERSTOOD = (500, 501, 502, 503, 504)

#: Called right before a message's body is sent, as in `RelayConnection.deliver`.
Begin = Callable[[Envelope], None]
#: Called with what came of a message.
End = Callable[[Envelope, list[Outcome]], None]


class Answer(NamedTuple):
    """What a relay said to one message: to MAIL, to each RCPT and to BDAT."""

    mail: Reply
    rcpts: Sequence[Reply]
    bdat: Reply

    def judged(self, envelope: Envelope) -> list[Outcome]:
        """What it comes to for each recipient; raises OutOfOrder: the relay does not have the message."""
        refused, accepted = judge_envelope(envelope, self.mail, self.rcpts)
        if accepted and self.bdat.code in _NOT_UNDERSTOOD:
            raise OutOfOrder(f"BDAT was answered with {self.bdat}")
        return refused + for_all(accepted, judge_data(self.bdat), self.bdat)

    def check(self) -> None:
        """Raises Closing or ProtocolError where no answer to the next message can follow."""
        if self.bdat.code == CLOSING:
            raise Closing(str(self.bdat))
        awaited = self.mail.positive and any(reply.positive for reply in self.rcpts)
        if 300 <= self.bdat.code < 400 or (awaited and self.bdat.code in _NOT_UNDERSTOOD):
            raise ProtocolError(f"BDAT was answered with {self.bdat}")


class WindowConnection(RelayConnection):
    """A connection that takes several messages at once, where the relay lets it."""

    def __init__(self, relay: Relay, hostname: str, timeout: float) -> None:
        """Connects, as any `RelayConnection`."""
        super().__init__(relay, hostname, timeout)
        self._most = 1

    @property
    def takes_windows(self) -> bool:
        """Whether the relay takes messages whole, and commands together."""
        return self.relay.chunking and {"chunking", "pipelining"} <= self._offers

    def _in_windows(self, items: Iterator[Item], begin: Begin, end: End) -> None:
        """Hands over all of `items`; raises one of BROKEN, and what `begin` and `items` raise."""
        while window := self._gathered(items):
            for item in window:
                begin(item.envelope)
            began = time.monotonic()
            heads = [self._commands(item) for item in window]
            sizes = [len(head) + len(item.message) for head, item in zip(heads, window, strict=True)]
            bodies = (item.message for item in window)
            unsent = self._send_whole(b"".join(chain.from_iterable(zip(heads, bodies, strict=True))))
            self._hear_window(window, sizes, unsent, end)
            pace = (time.monotonic() - began) / len(window)
            self._most = max(1, min(MOST, int(_SECONDS / pace)))

    def _gathered(self, items: Iterator[Item]) -> list[Item]:
        window: list[Item] = []
        octets = 0
        while len(window) < self._most and octets < _MOST_OCTETS and (item := next(items, None)):
            window.append(item)
            octets += len(item.message)
        return window

    def _commands(self, item: Item) -> bytes:
        """What goes before a message. RSET, as the transaction before it may have been refused half-way."""
        size = len(item.message)
        return f"RSET\r\n{self._mail_and_rcpts(item)}BDAT {size} LAST\r\n".encode()

    def _send_whole(self, data: bytes) -> int:
        """How much of `data` the relay can't have: all of it goes out unless the connection breaks."""
        view, sent = memoryview(data), 0
        try:
            with self._wire.within(self._wire.timeout):
                while sent < len(view):
                    sent += self._wire.send_some(view[sent:])
        except OSError:
            pass  # what the relay has to say about it is read next
        return len(view) - sent

    def _hear_window(self, window: Sequence[Item], sizes: Sequence[int], unsent: int, end: End) -> None:
        """Tells `end` what came of each message that the relay has, or may have.

        Args:
            sizes: octets of each with its commands; the last `unsent` of all of them did not go out.

        Raises:
            one of BROKEN: the connection is of no more use, and what `end` was not told of not handed over.
        """
        # where not all could be sent there is nothing to wait for but what was said by then
        with self._wire.within(0 if unsent else self._wire.timeout):
            answers, trouble = self._answers(window)
        if unsent and trouble is None:
            trouble = ConnectionResetError("the connection was lost in the middle of a message")
        for item, answer in zip(window, answers, strict=False):
            try:
                outcomes = answer.judged(item.envelope)
            except OutOfOrder as error:
                trouble = trouble or error
            else:
                end(item.envelope, outcomes)
        if trouble is None:
            return
        sent = sum(sizes) - unsent
        for item, ended_at in list(zip(window, accumulate(sizes), strict=True))[len(answers) :]:
            if ended_at <= sent and not isinstance(trouble, Closing):
                end(item.envelope, for_all(item.envelope.positions, states.UNKNOWN, self._lost(trouble)))
        raise trouble

    def _answers(self, window: Sequence[Item]) -> tuple[list[Answer], Exception | None]:
        """The answers to a window's messages, and why there are no more of them."""
        answers: list[Answer] = []
        try:
            for item in window:
                self._hear()  # to RSET
                mail, *rcpts = [self._hear() for _ in range(1 + len(item.envelope.recipients))]
                answers.append(Answer(mail, rcpts, self._wire.reply()))
                self.deliveries += 1
                answers[-1].check()
        except BROKEN as error:
            return answers, error
        return answers, None
