"""May this principal send this? Asked before anything is written; refusals come back as values."""

from __future__ import annotations

from collections.abc import Sequence

from services.gateway.accept import Intent
from services.gateway.errors import problem
from services.gateway.principal import Principal
from shared.errors import ApiError, FieldError


def refusals(principal: Principal, intents: Sequence[Intent]) -> list[ApiError | None]:
    """For each intent the reason why it can't be sent, or `None`."""
    return [_sender_refusal(principal, intent) for intent in intents]


def _sender_refusal(principal: Principal, intent: Intent) -> ApiError | None:
    at_fault = [FieldError("/from", f"This credential sends from addresses at {principal.domain}.")]
    if intent.sender.domain != principal.domain:
        return problem(
            "domain_not_allowed",
            f"This credential may not send from {intent.sender.domain}.",
            at_fault,
        )
    if not principal.domain_verified:
        return problem("domain_not_verified", f"The domain {principal.domain} is not verified yet.", at_fault)
    return None
