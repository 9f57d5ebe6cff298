"""Mail of the install's own (a password reset, an invitation): accepted as any other is."""

from __future__ import annotations

from sqlalchemy import Connection, select

from services.gateway.accept import draft, write
from services.gateway.intents import Intent, unique_recipients
from services.gateway.principal import Principal
from shared.addresses import Address, parse_address
from shared.models import domains
from shared.observability import get_logger
from shared.settings import settings

log = get_logger("system_mail")


def is_on(tx: Connection) -> bool:
    """Whether this install has an address to send its own mail from."""
    return _sender(tx) is not None


def send(tx: Connection, to: Address, subject: str, text: str) -> None:
    """Accepts an email of the install's own, in the caller's transaction; only where `is_on`.

    Raises:
        LookupError: it is not.
    """
    found = _sender(tx)
    if found is None:
        raise LookupError("MAILMATIC_SYSTEM_SENDER is not set")
    who, sender = found
    intent = Intent(sender=sender, recipients=unique_recipients([to]), subject=subject, text=text)
    write(tx, draft(who, [intent]))


def _sender(tx: Connection) -> tuple[Principal, Address] | None:
    if not settings().system_sender:
        return None
    sender = parse_address(settings().system_sender)
    verified = (domains.c.name == sender.domain) & (domains.c.status == "verified")
    account_id = tx.execute(select(domains.c.account_id).where(verified)).scalar()
    if account_id is None:
        log.warning("system_mail.off", reason=f"{sender.domain} is not verified on this install")
        return None
    return Principal(account_id, frozenset(), {sender.domain: True}), sender
