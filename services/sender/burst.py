"""Messages back to back on one connection: in windows (services.sender.windows) or, where a relay takes none,
the envelope of the next with the end of the one before.

One packet and one round trip a message instead of three. RFC 2920 §3.1 allows it: DATA ends a group of
commands, and what follows the final dot begins the next. And while the relay is at one message, the next but
one is rendered and signed, so that neither waits for the other. At any moment at most one message may be in
the relay's hands without our knowing what became of it, as ever.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from services.sender.handshake import in_words
from services.sender.outcomes import Outcome, Reply, for_all, judge_data
from services.sender.smtp import BROKEN, CLOSING, RelayTrouble, stuffed
from services.sender.transaction import Envelope, Item
from services.sender.windows import Begin, End, WindowConnection
from shared import states


class BurstConnection(WindowConnection):
    """A connection that takes one message after the other."""

    @property
    def pipelines(self) -> bool:
        """Whether the relay lets commands travel together."""
        return "pipelining" in self._offers

    def deliver_burst(
        self,
        items: Iterator[Item],
        begin: Begin,
        end: End,
    ) -> None:
        """Hands over all of `items`, which are asked for one at a time.

        Args:
            items: in ASCII throughout, to addresses that can't break out of their command.
            begin: called right before a message's body is sent, as in `deliver`; what it raises passes
            through. end: called with what came of it.

        Raises:
            RelayTrouble: the connection broke. What has ended has ended; everything else was not handed over.
        """
        try:
            if self.takes_windows:
                self._in_windows(items, begin, end)
            else:
                self._one_by_one(items, begin, end)
        except BROKEN as error:
            self._wire.drop()
            raise RelayTrouble(f"{self.relay}: {in_words(error)}", blames_relay=False) from error
        except BaseException:
            self._wire.drop()
            raise

    def _one_by_one(self, items: Iterator[Item], begin: Begin, end: End) -> None:
        current, following, opened = next(items, None), next(items, None), False
        while current is not None:
            envelope = current.envelope
            if not self._wire.open:
                raise ConnectionResetError("the connection was lost")
            if not opened:
                self._wire.send(self._envelope_lines(current))
            refused, accepted, go_ahead = self._hear_envelope(envelope)
            self.deliveries += 1
            opened = go_ahead.code == 354 and bool(accepted)
            if opened:
                begin(envelope)
                final = self._send_and_go_on(b"".join(stuffed((current.message,))), following)
                try:
                    after_it = next(items, None)  # made while the relay is at this one
                finally:  # whatever comes of that one, of this one we are told
                    final = final or self._hear_final()
                    end(envelope, refused + for_all(accepted, judge_data(final), final))
                if final.code == CLOSING or judge_data(final) == states.UNKNOWN:
                    self._wire.drop()
            else:
                self._abort(b".\r\n" if go_ahead.code == 354 else b"RSET\r\n")
                end(envelope, refused + for_all(accepted, judge_data(go_ahead), go_ahead))
                after_it = next(items, None)
            current, following = following, after_it

    def _envelope_lines(self, item: Item) -> bytes:
        return f"{self._mail_and_rcpts(item)}DATA\r\n".encode()

    def _hear_envelope(self, envelope: Envelope) -> tuple[list[Outcome], list[int], Reply]:
        """Outcomes so far, positions accepted, and the reply to DATA."""
        mail = self._hear()
        rcpts = [self._hear() for _ in envelope.recipients]
        go_ahead = self._hear()
        refused, accepted, _ = self._judged(envelope, mail, rcpts, go_ahead)
        return refused, accepted, go_ahead

    def _send_and_go_on(self, body: bytes, following: Item | None) -> Reply | None:
        """Sends a message, and what begins the next; the reply where it came before the message's end."""
        after = self._envelope_lines(following) if following else b""
        sent = 0
        try:
            sent = self._wire.send_some(body + after)
            if sent < len(body):
                self._wire.send_all([body[sent:]])
        except OSError as error:
            return self._early_refusal(error)
        unsent = after[max(0, sent - len(body)) :]
        if unsent:  # the reply may be there even where nothing more can be said
            with contextlib.suppress(OSError):
                self._wire.send(unsent)
        return None
