"""May this principal send this? Asked before anything is written; refusals come back as values."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from services.gateway.errors import problem
from services.gateway.intents import Intent
from services.gateway.principal import Principal
from services.gateway.validation import undeliverable
from shared.errors import ApiError, FieldError
from shared.sandbox import is_simulated
from shared.settings import settings
from shared.suppressions import Suppressed, suppressed


def refusals(principal: Principal, intents: Sequence[Intent]) -> list[ApiError | None]:
    """For each intent the reason why it can't be sent, or `None`."""
    return [sender_refusal(principal, intent.sender.domain) or _mixed_refusal(intent) for intent in intents]


def sender_refusal(principal: Principal, domain: str) -> ApiError | None:
    """Why nothing can be sent from addresses at `domain`, or `None`."""
    if domain not in principal.domains:
        whose = "This credential sends" if principal.credential_id else "The account sends"
        allowed = ", ".join(sorted(principal.domains)) or "no domain yet"
        at_fault = [FieldError("/from", f"{whose} from addresses at {allowed}.")]
        return problem("domain_not_allowed", f"You may not send from {domain}.", at_fault)
    if not principal.domains[domain]:
        at_fault = [FieldError("/from", f"Publish the DNS records of {domain} and verify it.")]
        return problem("domain_not_verified", f"The domain {domain} is not verified yet.", at_fault)
    return None


def delivery_refusals(intents: Sequence[Intent]) -> list[ApiError | None]:
    """For each intent the refusal that names the recipients whose domain receives no mail, or `None`.

    One look-up for all of them. It may wait for the DNS, so it is not for inside a transaction.
    """
    if not settings().mx_check:
        return [None] * len(intents)
    why_not = undeliverable(item.address.domain for intent in intents for item in intent.recipients)
    return [_delivery_refusal(intent, why_not) for intent in intents]


def recipient_refusals(
    tx: Connection, principal: Principal, intents: Sequence[Intent]
) -> list[ApiError | None]:
    """For each intent the refusal that names its suppressed recipients, or `None`: one query for all."""
    account = principal.account_id
    found = suppressed(
        tx, [(account, item.address.email) for intent in intents for item in intent.recipients]
    )
    return [_suppression_refusal(principal, intent, found) for intent in intents]


def _delivery_refusal(intent: Intent, why_not: dict[str, str]) -> ApiError | None:
    at_fault = [
        FieldError(item.pointer, f"{item.address.email} receives no mail. {why_not[item.address.domain]}")
        for item in intent.recipients
        if item.address.domain in why_not
    ]
    if not at_fault:
        return None
    whom = at_fault[0].detail if len(at_fault) == 1 else f"{len(at_fault)} recipients receive no mail."
    return problem("recipient_undeliverable", whom, at_fault)


def _suppression_refusal(principal: Principal, intent: Intent, found: Suppressed) -> ApiError | None:
    at_fault = []
    for item in intent.recipients:
        email = item.address.email
        reason = found.reason(principal.account_id, email, "transactional")
        if reason:
            at_fault.append(FieldError(item.pointer, f"{email} is suppressed ({reason})."))
    if not at_fault:
        return None
    whom = at_fault[0].detail if len(at_fault) == 1 else f"{len(at_fault)} recipients are suppressed."
    return problem("recipient_suppressed", whom, at_fault)


def _mixed_refusal(intent: Intent) -> ApiError | None:
    """An email is a test or it is none: what it counts as must not depend on the recipient one looks at."""
    if intent.simulated:
        return None
    at_fault = [
        FieldError(item.pointer, f"{item.address.email} is the simulator's: give it an email of its own.")
        for item in intent.recipients
        if is_simulated(item.address.domain)
    ]
    if not at_fault:
        return None
    return problem("validation_error", "Simulator addresses and others can't share an email.", at_fault)
