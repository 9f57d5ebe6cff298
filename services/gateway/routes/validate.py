"""Checking an address before writing to it."""

from __future__ import annotations

from typing import Any

from services.gateway import validation
from services.gateway.auth import principal
from services.gateway.routes.blueprint import Blueprint
from services.gateway.schemas.validate import ValidatedSchema, ValidateSchema, answer
from shared.addresses import Address
from shared.db import transaction
from shared.suppressions import suppressed

blueprint = Blueprint(
    "validate", __name__, url_prefix="/api", scope="send", guide="validation", description="Check addresses."
)


@blueprint.operation(
    "/validate",
    "POST",
    body=ValidateSchema,
    answers=(200, ValidatedSchema),
    body_example={"email": "ada@example.net"},
    example={
        "email": "ada@example.net",
        "valid": True,
        "result": "valid",
        "code": "deliverable",
        "reason": "The syntax is right and the domain receives mail.",
        "normalized": "ada@example.net",
        "did_you_mean": None,
        "checks": {
            "syntax": True,
            "mx": {"status": "mx", "hosts": ["mx1.example.net", "mx2.example.net"]},
            "suppressed": False,
            "role_account": False,
            "disposable": False,
        },
    },
)
def validate_email(asked: dict[str, Any]) -> dict[str, Any]:
    """Validate an address

    Its syntax, the mail hosts of its domain, and whether it is suppressed, a role account or disposable.
    Nothing is sent.
    """
    return answer(validation.check(asked["email"], _suppression))


def _suppression(address: Address) -> str | None:
    account = principal().account_id
    with transaction() as tx:
        found = suppressed(tx, [(account, address.email)])
    return found.reason(account, address.email, "transactional")
