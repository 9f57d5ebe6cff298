"""The door for mail that comes back: bounces at the return path, complaints at the feedback address.

`python -m services.webhooks.intake`. Speaks SMTP or LMTP (RFC 2033), behind an MTA or as the MX of
`bounces.<domain>` itself. It takes mail for return-path addresses whose token is ours (shared.verp), for the
feedback addresses and for those at which readers unsubscribe (shared.unsubscribe_mail), and refuses all other
at RCPT: it relays nothing and bounces nothing. What a mail says is stored before the 250; with the database
away it says 451, and the sender comes again.
"""

from __future__ import annotations

import asyncio
import signal
from typing import Any

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session

from services.webhooks import inbox
from services.webhooks.returned import Said, read
from shared import unsubscribe_mail
from shared.db import DatabaseUnavailable, transaction
from shared.health import start_beating
from shared.metrics import Counter
from shared.observability import configure_logging, get_logger
from shared.settings import Settings, settings
from shared.tracking import tokens
from shared.unsubscribing import LISTS, MAIL, unsubscribe
from shared.verp import Origin, return_paths

log = get_logger("intake")

RETURNED = Counter("mailmatic_returned_mails_total", "Mail that came back, by what it said.", ["said"])

#: Local parts at which complaints, and reports without a token, are read.
FEEDBACK = ("feedback", "abuse", "fbl", "postmaster", "complaints")
_LARGEST = 10 * 1024 * 1024


class Door:
    """aiosmtpd's handler."""

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Only what somebody here reads."""
        ours = _is_feedback(address) or unsubscribe_mail.is_for(address)
        if not ours and return_paths().origin(address) is None:
            return "550 5.1.1 There is no such mailbox here"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Stores what the mail says. LMTP wants an answer for each recipient (RFC 2033 §4.2)."""
        reply = await self._taken(envelope)
        return "\r\n".join([reply] * len(envelope.rcpt_tos)) if isinstance(server, LMTP) else reply

    async def _taken(self, envelope: Envelope) -> str:
        content = envelope.content
        raw = content if isinstance(content, bytes) else str(content or "").encode()
        try:
            await asyncio.to_thread(take, [str(address) for address in envelope.rcpt_tos], raw)
        except DatabaseUnavailable as error:
            log.warning("intake.waiting", reason=str(error))
            return "451 4.3.0 Try again shortly"
        except Exception:  # a fault of ours: its sender tries for days, and by then it may be mended
            log.exception("intake.failed")
            return "451 4.3.0 Try again later"
        return "250 2.0.0 OK"


def take(recipients: list[str], raw: bytes) -> int:
    """Stores what a mail to `recipients` says; how many reports that were.

    Raises:
        DatabaseUnavailable: nothing was stored.
    """
    for_us = [address for address in recipients if not unsubscribe_mail.is_for(address)]
    if len(for_us) < len(recipients):
        _unsubscribe(raw)
    return _store(for_us, raw) if for_us else 0


def _unsubscribe(raw: bytes) -> None:
    link = unsubscribe_mail.read(raw, tokens())
    RETURNED.labels("unsubscribe" if link else "nothing").inc()
    if link is None:
        log.info("intake.no_token")
        return
    with transaction() as tx:
        done = unsubscribe(tx, link, LISTS, source=MAIL)
    log.info("intake.unsubscribed", email_id=str(link.email_id), changed=done)


def _store(recipients: list[str], raw: bytes) -> int:
    said = read(raw)
    RETURNED.labels(said[0].event if said else "nothing").inc()
    reports: dict[str, list[dict[str, Any]]] = {"bounce": [], "feedback": []}
    for address in recipients:
        for report in _reports(said, return_paths().origin(address)):
            reports["feedback" if report["event"] == "complaint" else "bounce"].append(report)
    with transaction() as tx:
        stored = sum(inbox.store(tx, source, of_source) for source, of_source in reports.items())
    log.info("intake.taken", said=[item.event for item in said], stored=stored)
    return stored


def _reports(said: list[Said], origin: Origin | None) -> list[dict[str, Any]]:
    """What was said as reports; a token that names one recipient makes all of it about them."""
    items = said[:1] if origin and origin.position is not None else said
    return [
        {
            "event": item.event,
            "recipient": item.recipient,
            "message_id": item.message_id,
            "reason": item.reason,
            "dsn": item.dsn,
            "feedback_type": item.feedback_type,
            "email_id": str(origin.email_id) if origin else None,
            "position": origin.position if origin else None,
        }
        for item in items
        if origin or item.message_id
    ]


def _is_feedback(address: str) -> bool:
    return address.rpartition("@")[0].partition("+")[0].lower() in FEEDBACK


def protocol(config: Settings) -> SMTP:
    """One connection."""
    kind = LMTP if config.intake_protocol == "lmtp" else SMTP
    return kind(Door(), data_size_limit=_LARGEST, hostname=config.hostname, enable_SMTPUTF8=True, timeout=300)


async def serve(config: Settings) -> None:
    """Serves until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    server = await loop.create_server(lambda: protocol(config), config.intake_host, config.intake_port)
    start_beating()
    log.info("intake.started", port=config.intake_port, protocol=config.intake_protocol)
    await stop.wait()
    server.close()
    log.info("intake.stopped")


def main() -> None:
    """Runs the door."""
    configure_logging()
    asyncio.run(serve(settings()))


if __name__ == "__main__":
    main()
