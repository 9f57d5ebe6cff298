"""A relay → an open, greeted, encrypted and authenticated socket. `smtplib` does the talking."""

from __future__ import annotations

import smtplib
import socket
import ssl
from functools import cache

from services.sender.outcomes import Reply
from services.sender.relays import Relay

#: What a handshake can raise: ValueError for a login that can't be put on the wire.
FAILURES = (OSError, smtplib.SMTPException, ValueError)


def shake_hands(relay: Relay, hostname: str, timeout: float) -> tuple[socket.socket, frozenset[str]]:
    """The socket and the extensions that the relay offers, in lower case.

    Raises:
        one of FAILURES: no connection, no greeting, no TLS where it is required, a certificate that can't be
            verified, or a refused login. A password never goes out in clear unless `starttls=never` says so.
    """
    context = tls_context(relay.verify)
    smtp: smtplib.SMTP
    if relay.tls == "implicit":
        smtp = smtplib.SMTP_SSL(
            relay.host, relay.port, local_hostname=hostname, timeout=timeout, context=context
        )
    else:
        smtp = smtplib.SMTP(relay.host, relay.port, local_hostname=hostname, timeout=timeout)
    try:
        _secure(smtp, relay, context)
        if relay.username is not None:
            smtp.login(relay.username, relay.password or "")
        if smtp.sock is None:  # smtplib closes on a 421
            raise smtplib.SMTPServerDisconnected("the relay closed the connection")
    except BaseException:
        smtp.close()
        raise
    if smtp.file is not None:
        smtp.file.close()  # the socket stays open: from here on the transaction reads it itself
    return smtp.sock, frozenset(smtp.esmtp_features)


@cache
def tls_context(verify: bool) -> ssl.SSLContext:
    """How TLS is spoken; made once a process, because it reads every certificate that the system trusts."""
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _secure(smtp: smtplib.SMTP, relay: Relay, context: ssl.SSLContext) -> None:
    smtp.ehlo_or_helo_if_needed()
    if relay.tls not in ("opportunistic", "required"):
        return
    if smtp.has_extn("starttls"):
        smtp.starttls(context=context)
        smtp.ehlo_or_helo_if_needed()
    elif relay.tls == "required" or relay.username is not None:
        raise smtplib.SMTPNotSupportedError("the relay does not offer STARTTLS, which is required")


def in_words(error: BaseException) -> str:
    """What went wrong, for a person."""
    if isinstance(error, smtplib.SMTPResponseException):
        text = error.smtp_error
        return str(Reply.from_wire(error.smtp_code, text if isinstance(text, bytes) else text.encode()))
    return str(error) or type(error).__name__
