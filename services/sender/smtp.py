"""One connection to a relay, and one transaction on it.

`smtplib` does the handshake (EHLO, STARTTLS, AUTH); the transaction is ours, so that MAIL, RCPT and DATA
travel in one packet where the relay offers PIPELINING (RFC 2920), and so that a reply lost after the final
dot is told apart from a message that never arrived.
"""

from __future__ import annotations

import smtplib
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from services.sender.outcomes import Outcome, Reply, for_all, judge_data, judge_recipient, judge_sender
from services.sender.relays import Relay
from shared import states

#: What a relay's connection can raise while it is set up or used.
TROUBLE = (OSError, smtplib.SMTPException)


class RelayTrouble(Exception):
    """The relay can't be reached or broke off before it had the whole message: nothing was handed over."""


@dataclass(frozen=True)
class Envelope:
    """Who a message goes to: `recipients` are (position, address)."""

    sender: str
    recipients: Sequence[tuple[int, str]]

    @property
    def needs_smtputf8(self) -> bool:
        """Whether an address has a non-ASCII local part (RFC 6531)."""
        return not all(
            address.isascii() for address in (self.sender, *(address for _, address in self.recipients))
        )


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
            self._smtp = _open(relay, hostname, timeout)
        except (*TROUBLE, ValueError) as error:
            raise RelayTrouble(f"{relay}: {_words(error)}") from error

    def deliver(self, envelope: Envelope, message: bytes, before_body: Callable[[], None]) -> list[Outcome]:
        """Hands one message over and returns an outcome for every recipient of the envelope.

        Args:
            envelope: sender and recipients.
            message: the whole message, CRLF line ends, ending in one.
            before_body: called right before the body is sent: from then on the relay may have the message.

        Raises:
            RelayTrouble: the connection broke before the final dot was sent. A reply lost after it is no
                exception: it is the outcome `unknown`.
        """
        if envelope.needs_smtputf8 and not self._offers("smtputf8"):
            refusal = Reply(
                553, f"5.6.7 relay {self.relay} does not offer SMTPUTF8, which this address needs"
            )
            return for_all([position for position, _ in envelope.recipients], states.FAILED, refusal)
        self.deliveries += 1
        try:
            return self._transact(envelope, message, before_body)
        except TROUBLE as error:
            raise RelayTrouble(f"{self.relay}: {_words(error)}") from error

    def close(self) -> None:
        """Says QUIT if the relay still listens, and closes."""
        try:
            self._smtp.quit()
        except TROUBLE:
            self._smtp.close()

    def _transact(self, envelope: Envelope, message: bytes, before_body: Callable[[], None]) -> list[Outcome]:
        outcomes, accepted, data_reply = self._send_envelope(envelope, message)
        if data_reply is None:
            self._command(["RSET"])
            return outcomes
        if data_reply.code != 354:
            return outcomes + for_all(accepted, judge_data(data_reply), data_reply)
        if not accepted:  # every recipient was refused, yet a pipelined DATA was let in (RFC 2920 §3.1)
            self._smtp.send(b".\r\n")
            self._read()
            return outcomes
        before_body()
        self._smtp.send(_stuffed(message) + b".\r\n")
        try:
            final = self._read()
        except TROUBLE as error:
            self._smtp.close()
            lost = Reply(
                0, f"connection to {self.relay} lost before the reply to the message: {_words(error)}"
            )
            return outcomes + for_all(accepted, states.UNKNOWN, lost)
        return outcomes + for_all(accepted, judge_data(final), final)

    def _send_envelope(
        self, envelope: Envelope, message: bytes
    ) -> tuple[list[Outcome], list[int], Reply | None]:
        """MAIL, RCPT… and DATA: (outcomes so far, positions accepted, the reply to DATA if it was said)."""
        commands = [self._mail_command(envelope, message)]
        commands += [f"RCPT TO:<{address}>" for _, address in envelope.recipients]
        positions = [position for position, _ in envelope.recipients]
        pipelining = self._offers("pipelining")
        if pipelining:
            mail, *rcpts, data = self._command([*commands, "DATA"])
        else:
            mail = self._command(commands[:1])[0]
            if mail.code >= 400:
                return for_all(positions, judge_sender(mail), mail), [], None
            rcpts = [self._command([command])[0] for command in commands[1:]]
        if mail.code >= 400:
            return for_all(positions, judge_sender(mail), mail), [], data
        judged = [
            (position, judge_recipient(reply), reply)
            for position, reply in zip(positions, rcpts, strict=True)
        ]
        refused = [Outcome(position, status, reply) for position, status, reply in judged if status]
        accepted = [position for position, status, _ in judged if status is None]
        if not pipelining:
            return refused, accepted, self._command(["DATA"])[0] if accepted else None
        return refused, accepted, data

    def _mail_command(self, envelope: Envelope, message: bytes) -> str:
        options = ""
        if self._offers("size"):
            options += f" SIZE={len(message)}"
        if envelope.needs_smtputf8:
            options += " SMTPUTF8"
        if not message.isascii() and self._offers("8bitmime"):
            options += " BODY=8BITMIME"
        return f"MAIL FROM:<{envelope.sender}>{options}"

    def _command(self, lines: list[str]) -> list[Reply]:
        self._smtp.send("".join(f"{line}\r\n" for line in lines).encode())
        return [self._read() for _ in lines]

    def _read(self) -> Reply:
        if self._smtp.sock is None:  # a 421 earlier in the same group closed it
            raise smtplib.SMTPServerDisconnected("the relay closed the connection")
        code, text = self._smtp.getreply()
        if code == 421:
            self._smtp.close()
        if code < 200:
            raise smtplib.SMTPServerDisconnected(f"not an SMTP reply: {text[:80]!r}")
        return Reply.from_wire(code, text)

    def _offers(self, extension: str) -> bool:
        return self._smtp.has_extn(extension)

    @property
    def usable(self) -> bool:
        """Whether the connection is still open on our side."""
        return self._smtp.sock is not None


def _open(relay: Relay, hostname: str, timeout: float) -> smtplib.SMTP:
    context = ssl.create_default_context()
    if not relay.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    smtp: smtplib.SMTP
    if relay.tls == "implicit":
        smtp = smtplib.SMTP_SSL(
            relay.host, relay.port, local_hostname=hostname, timeout=timeout, context=context
        )
    else:
        smtp = smtplib.SMTP(relay.host, relay.port, local_hostname=hostname, timeout=timeout)
    try:
        smtp.ehlo_or_helo_if_needed()
        if relay.tls in ("opportunistic", "required") and smtp.has_extn("starttls"):
            smtp.starttls(context=context)
            smtp.ehlo()
        elif relay.tls == "required":
            raise smtplib.SMTPNotSupportedError("the relay does not offer STARTTLS, which is required")
        if relay.username is not None:
            smtp.login(relay.username, relay.password or "")
    except BaseException:
        smtp.close()
        raise
    return smtp


def _stuffed(message: bytes) -> bytes:
    """Dot-stuffing (RFC 5321 §4.5.2)."""
    stuffed = message.replace(b"\r\n.", b"\r\n..")
    return b"." + stuffed if stuffed.startswith(b".") else stuffed


def _words(error: BaseException) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        text = error.smtp_error
        return str(Reply.from_wire(error.smtp_code, text if isinstance(text, bytes) else text.encode()))
    return str(error) or type(error).__name__
