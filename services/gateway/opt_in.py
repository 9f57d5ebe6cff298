"""Double opt-in: the mail that asks whoever was put on a list whether they want it.

Sent as any other mail of the account, from its own domain: that of the key that added them, else its first
verified one. Nobody is asked who is suppressed. Without a verified domain nobody is asked at all.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, exists, select

from services.gateway.accept import draft, write
from services.gateway.intents import Intent, unique_recipients
from services.gateway.principal import Principal
from shared.addresses import Address, parse_address
from shared.confirmations import PATH, Confirmation, Confirmations
from shared.models import accounts, contacts, domains, suppressions
from shared.observability import get_logger
from shared.settings import settings

log = get_logger("opt_in")

_SUBJECT = "Please confirm: {{list}}"
_TEXT = """\
You, or somebody who gave your address, asked to be on the list "{{list}}" of {{account}}.

Please confirm that you want its mail:

{{url}}

If it was not you, do nothing: you will get no more mail from this list.
"""


def ask(tx: Connection, who: Principal, found_list: dict[str, Any], contact_ids: Collection[UUID]) -> int:
    """Accepts a mail to each of the contacts, in the caller's transaction; returns how many."""
    sender = _sender(tx, who)
    if not contact_ids or sender is None:
        return 0
    account = tx.execute(select(accounts.c.name).where(accounts.c.id == who.account_id)).scalar_one()
    intents = []
    for row in _asked(tx, who.account_id, contact_ids):
        token = confirmations().token(Confirmation(found_list["id"], row.id))
        values = {
            "list": found_list["name"],
            "account": account,
            "url": f"{settings().public_url.rstrip('/')}{PATH}{token}",
        }
        intents.append(
            Intent(
                sender=sender,
                recipients=unique_recipients([parse_address(row.email)]),
                subject=_SUBJECT,
                text=_TEXT,
                variables=values,
            )
        )
    write(tx, draft(who, intents))
    return len(intents)


@cache
def confirmations() -> Confirmations:
    """This install's tokens."""
    return Confirmations(settings().master_keys)


def _asked(tx: Connection, account_id: UUID, contact_ids: Collection[UUID]) -> list[Any]:
    suppressed = exists().where(
        suppressions.c.account_id == account_id, suppressions.c.address == contacts.c.email_key
    )
    query = select(contacts.c.id, contacts.c.email).where(
        contacts.c.account_id == account_id, contacts.c.id.in_(contact_ids), ~suppressed
    )
    return list(tx.execute(query.order_by(contacts.c.id)))


def _sender(tx: Connection, who: Principal) -> Address | None:
    name: str | None = who.domain if who.domain and who.domains.get(who.domain) else None
    if name is None:
        query = select(domains.c.name).where(
            domains.c.account_id == who.account_id, domains.c.status == "verified"
        )
        name = tx.execute(query.order_by(domains.c.id).limit(1)).scalar()
    if name is None:
        log.warning("opt_in.nobody_asked", account_id=str(who.account_id), reason="no verified domain")
        return None
    return parse_address(f"no-reply@{name}")
