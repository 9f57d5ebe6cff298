"""Who may tell us what became of mail: whoever knows one of the configured secrets."""

from __future__ import annotations

import hmac

from flask import request

from shared.errors import ApiError
from shared.settings import settings


def check_postfix_secret() -> None:
    """Lets only those in who bring a secret, as `X-Webhook-Secret` or `Authorization: Bearer`.

    Raises:
        ApiError: 403 where no secret is configured, 401 for none or a wrong one.
    """
    known = settings().postfix_secrets
    if not known:
        raise ApiError(403, "webhook_disabled", "The endpoint is off: MAILMATIC_POSTFIX_SECRETS is not set.")
    given = request.headers.get("X-Webhook-Secret") or _bearer(request.headers.get("Authorization", ""))
    # every secret is compared, so that the time taken says nothing about which one nearly matched
    matches = [hmac.compare_digest(given.encode(), secret.encode()) for secret in known]
    if not any(matches):
        raise ApiError(401, "invalid_webhook_secret", "The webhook secret is missing or wrong.")


def _bearer(header: str) -> str:
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
