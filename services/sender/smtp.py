"""One connection to a relay, and one transaction on it.

The transaction is ours and not `smtplib`'s, so that MAIL, RCPT and DATA travel in one packet where the relay
offers PIPELINING (RFC 2920), and so that a reply lost after the final dot is told apart from a message that
never arrived. After each transaction the connection is either known to be in step or closed.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

from services.sender.handshake import FAILURES, in_words, shake_hands
from services.sender.outcomes import (
    Outcome,
    Reply,
    for_all,
    judge_data,
)
from services.sender.pieces import Stream
from services.sender.relays import Relay
from services.sender.transaction import Closing, Envelope, Item, breaks_out, judge_envelope
from services.sender.wire import ProtocolError, Wire
from shared import states

BROKEN = (OSError, ProtocolError)
CLOSING = 421
_GO_AHEAD = 354


class RelayTrouble(Exception):
    """The relay can't be reached or broke off before it had the whole message: nothing was handed over.

    `blames_relay` is false where the connection was lost in the middle of this one message, which may be the
    message's doing: others should not wait for it.
    """

    def __init__(self, words: str, *, blames_relay: bool = True) -> None:
        super().__init__(words)
        self.blames_relay = blames_relay


class NeedsSevenBit(Exception):
    """The relay does not offer 8BITMIME, which this message needs. Nothing was said to it."""


class RelayConnection:
    """An open, greeted and authenticated connection; used by one thread at a time."""

    def __init__(self, relay: Relay, hostname: str, timeout: float) -> None:
        """Connects.

        Args:
            relay: where to.
            hostname: our name in EHLO.
            timeout: longest wait for one reply (seconds).

        Raises:
            RelayTrouble: no connection, no greeting, no TLS where it is required, or the login was refused.
        """
        self.relay = relay
        self.deliveries = 0
        self.idle_since = time.monotonic()
        try:
            sock, self._offers = shake_hands(relay, hostname, timeout)
        except FAILURES as error:
            raise RelayTrouble(f"{relay}: {in_words(error)}") from error
        self._wire = Wire(sock)

    def deliver(self, envelope: Envelope, message: Stream, before_body: Callable[[], None]) -> list[Outcome]:
        """Hands one message over and returns an outcome for every recipient of the envelope.

        Args:
            envelope: sender and recipients.
            message: CRLF line ends, ending in one.
            before_body: called right before the body is sent: from then on the relay may have the message.
                What it raises stops the delivery and passes through.

        Raises:
            RelayTrouble: the connection broke before the final dot was sent. A reply lost after it is no
                exception: it is the outcome `unknown`.
            NeedsSevenBit: the body has eight bits, and the relay does not take that.
        """
        hopeless, envelope = self._sift(envelope, message)
        if not envelope.recipients:
            return hopeless
        if "8bitmime" not in self._offers and not message.body_isascii():
            raise NeedsSevenBit(f"relay {self.relay} does not offer 8BITMIME")
        self.deliveries += 1
        try:
            return hopeless + self._transact(envelope, message, before_body)
        except BROKEN as error:
            self._wire.drop()
            raise RelayTrouble(f"{self.relay}: {in_words(error)}") from error
        except BaseException:
            self._wire.drop()
            raise

    @property
    def usable(self) -> bool:
        """Whether another transaction can begin: open at both ends, and no reply left unread."""
        return self._wire.in_step()

    def close(self) -> None:
        """Says QUIT if the relay still listens, and closes."""
        self._wire.quit()

    def _sift(self, envelope: Envelope, message: Stream) -> tuple[list[Outcome], Envelope]:
        """Takes out the recipients that no command to this relay could name."""
        if breaks_out(envelope.sender):
            return for_all(envelope.positions, states.FAILED, _MALFORMED), envelope._replace(recipients=[])
        refused = {position: _MALFORMED for position, address in envelope.recipients if breaks_out(address)}
        if "smtputf8" not in self._offers:
            reason = Reply(553, f"5.6.7 relay {self.relay} does not offer SMTPUTF8, which this address needs")
            everybody = not envelope.sender.isascii() or not message.head.isascii()
            for position, address in envelope.recipients:
                if everybody or not address.isascii():
                    refused.setdefault(position, reason)
        left = [item for item in envelope.recipients if item[0] not in refused]
        hopeless = [Outcome(position, states.FAILED, reply) for position, reply in refused.items()]
        return hopeless, envelope._replace(recipients=left)

    def _transact(
        self, envelope: Envelope, message: Stream, before_body: Callable[[], None]
    ) -> list[Outcome]:
        refused, accepted, go_ahead = self._send_envelope(envelope, message)
        if go_ahead is None or go_ahead.code != _GO_AHEAD:
            self._abort(b"RSET\r\n")
            return refused + (for_all(accepted, judge_data(go_ahead), go_ahead) if go_ahead else [])
        if not accepted:  # every recipient was refused, yet a pipelined DATA was let in (RFC 2920 §3.1)
            self._abort(b".\r\n")
            return refused
        before_body()
        final = self._send_body(message)
        if final.code == CLOSING or judge_data(final) == states.UNKNOWN:
            self._wire.drop()
        return refused + for_all(accepted, judge_data(final), final)

    def _send_envelope(
        self, envelope: Envelope, message: Stream
    ) -> tuple[list[Outcome], list[int], Reply | None]:
        """MAIL, RCPT… and DATA: (outcomes so far, positions accepted, the reply to DATA if it was said)."""
        mail_command = self._mail_command(envelope, message)
        rcpt_commands = [f"RCPT TO:<{address}>" for _, address in envelope.recipients]
        go_ahead: Reply | None = None
        if "pipelining" in self._offers:
            mail, *rcpts, go_ahead = self._say([mail_command, *rcpt_commands, "DATA"])
        else:
            (mail,) = self._say([mail_command])
            rcpts = [self._say([line])[0] for line in rcpt_commands] if mail.positive else []
        return self._judged(envelope, mail, rcpts, go_ahead)

    def _judged(
        self, envelope: Envelope, mail: Reply, rcpts: Sequence[Reply], go_ahead: Reply | None
    ) -> tuple[list[Outcome], list[int], Reply | None]:
        """The same out of the replies."""
        refused, accepted = judge_envelope(envelope, mail, rcpts)
        if accepted and go_ahead is None:
            (go_ahead,) = self._say(["DATA"])
        if accepted and go_ahead and go_ahead.positive:
            raise ProtocolError(
                f"DATA was answered with {go_ahead}"
            )  # taken as a success, it would lose mail
        return refused, accepted, go_ahead

    def _mail_command(self, envelope: Envelope, message: Stream) -> str:
        options = self._size(len(message))
        if not _all_ascii(envelope, message):
            options += " SMTPUTF8"
        if not message.isascii() and "8bitmime" in self._offers:
            options += " BODY=8BITMIME"
        return f"MAIL FROM:<{envelope.sender}>{options}"

    def _mail_and_rcpts(self, item: Item) -> str:
        """The lines of an envelope in ASCII, to a relay that takes them together."""
        rcpts = "".join([f"RCPT TO:<{address}>\r\n" for _, address in item.envelope.recipients])
        return f"MAIL FROM:<{item.envelope.sender}>{self._size(len(item.message))}\r\n{rcpts}"

    def _size(self, octets: int) -> str:
        return f" SIZE={octets}" if "size" in self._offers else ""

    def _say(self, lines: list[str]) -> list[Reply]:
        self._wire.send("".join(f"{line}\r\n" for line in lines).encode())
        return [self._hear() for _ in lines]

    def _hear(self) -> Reply:
        reply = self._wire.reply()
        if reply.code == CLOSING:
            raise Closing(str(reply))
        return reply

    def _send_body(self, message: Stream) -> Reply:
        """The reply to the message; code 0 when it was lost after the whole message had gone out."""
        try:
            self._wire.send_all(stuffed(message))
        except OSError as error:
            return self._early_refusal(error)
        return self._hear_final()

    def _hear_final(self) -> Reply:
        """The reply to a message that has gone out; code 0 when the connection was lost before it."""
        try:
            return self._wire.reply()
        except BROKEN as error:
            return self._lost(error)

    def _lost(self, error: Exception) -> Reply:
        """What stands for a reply that never came."""
        return Reply(0, f"connection to {self.relay} lost before the reply to the message: {in_words(error)}")

    def _early_refusal(self, broken: OSError) -> Reply:
        """What the relay said before it closed in the middle of the message.

        Raises:
            RelayTrouble: nothing, or nothing that makes sense there.
        """
        said: Reply | None = None
        if isinstance(broken, ConnectionError):  # after a timeout there would be another to wait for
            try:
                said = self._wire.reply()
            except BROKEN:
                said = None
        if said is None or said.code < 400:
            alone = isinstance(broken, ConnectionError)
            raise RelayTrouble(f"{self.relay}: {in_words(broken)}", blames_relay=not alone) from broken
        return said

    def _abort(self, line: bytes) -> None:
        """Ends a transaction that will bring nothing more; the outcomes are known, whatever comes of this."""
        try:
            self._wire.send(line)
            if self._wire.reply().code == CLOSING:
                self._wire.drop()
        except BROKEN:
            self._wire.drop()


#: A line that begins with a dot, perhaps: a pattern finds it in half the time that `in` takes.
_DOT = re.compile(rb"\n\.")
_MALFORMED = Reply(553, "5.1.3 the address would break out of its SMTP command")


def _all_ascii(envelope: Envelope, message: Stream) -> bool:
    """Whether neither envelope nor headers need SMTPUTF8 (RFC 6531, 6532)."""
    addresses = (envelope.sender, *(address for _, address in envelope.recipients))
    return all(address.isascii() for address in addresses) and message.head.isascii()


def stuffed(message: Iterable[bytes]) -> Iterator[bytes]:
    """The message with its dots stuffed (RFC 5321 §4.5.2) and the final one, which travels with its end."""
    before = b"\r\n"  # the last two octets: a line may begin in one block and its dot in the next
    held = b""
    for block in message:
        if held:
            yield held
        held = block
        if _DOT.search(block) or b"\r\n." in before + block[:2]:
            held = (before + block).replace(b"\r\n.", b"\r\n..")[2:]
        before = block[-2:] if len(block) > 1 else (before + block)[-2:]
    yield held + b".\r\n"
