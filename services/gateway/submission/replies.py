"""Refusals of the acceptance → SMTP replies with enhanced status codes (RFC 5321, RFC 3463). A pure table.

What may go well later is 4xx and never a permanent 5xx: a client that is told 5xx throws the mail away.
"""

from __future__ import annotations

from shared.errors import ApiError

#: code of `services.gateway.errors` → reply code and enhanced status code
_REPLIES = {
    "invalid_api_key": "535 5.7.8",
    "inactive_credential": "535 5.7.8",
    "ip_not_allowed": "535 5.7.8",
    "insufficient_scope": "550 5.7.1",
    "domain_not_allowed": "550 5.7.1",
    "domain_not_verified": "550 5.7.1",
    "recipient_undeliverable": "550 5.1.2",
    "recipient_suppressed": "550 5.7.1",
    "validation_error": "550 5.6.0",
    "payload_too_large": "552 5.3.4",
    "invalid_idempotency_key": "550 5.6.0",
    "idempotency_mismatch": "550 5.6.0",
    "idempotency_in_progress": "451 4.3.0",
    "rate_limit_exceeded": "451 4.7.1",
    "daily_quota_exceeded": "452 4.7.1",
    "monthly_quota_exceeded": "452 4.7.1",
    "database_unavailable": "451 4.3.0",
}
#: What is not in the table is trouble of ours.
_OURS = "451 4.3.0"

#: RFC 5321 §4.5.3.1.5 allows 512 octets a line.
_LONGEST = 480


class Refused(Exception):
    """A refusal that SMTP alone has; the text is the reply."""


def reply(refusal: ApiError) -> str:
    """The refusal on one line; with a single field at fault its detail says more than the sentence."""
    detail = refusal.errors[0].detail if len(refusal.errors) == 1 else ""
    words = refusal.error if detail in refusal.error else f"{refusal.error} {detail}"
    return line(_REPLIES.get(refusal.code, _OURS), words)


def line(code: str, words: str) -> str:
    """`code words` on one line that no client chokes on: printable ASCII, cut where it is too long."""
    ascii_words = words.encode("ascii", "replace").decode()
    clean = "".join(char if char.isprintable() else "?" for char in ascii_words)
    return f"{code} {clean}"[:_LONGEST]
