"""Checking an address before writing to it."""

from __future__ import annotations

from typing import Any

from services.gateway import validation
from services.gateway.routes.blueprint import Blueprint
from services.gateway.schemas.validate import ValidatedSchema, ValidateSchema, answer

blueprint = Blueprint(
    "validate", __name__, url_prefix="/api", scope="send", guide="validation", description="Check addresses."
)


@blueprint.operation(
    "/validate",
    "POST",
    body=ValidateSchema,
    answers=(200, ValidatedSchema),
    body_example={"email": "ada@example.net"},
)
def validate_email(asked: dict[str, Any]) -> dict[str, Any]:
    """Validate an address

    Its syntax, the mail hosts of its domain, and whether it is suppressed, a role account or disposable.
    """
    return answer(validation.check(asked["email"]))
