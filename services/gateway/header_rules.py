"""Which headers a caller may add to an email, and what they may hold. Pure.

Refuses names that are not RFC 5322 field names, names that we or the relays set (a second From, a forged
Received, a smuggled Bcc), and values that could end a header and begin another.
"""

from __future__ import annotations

import re

from shared.addresses import has_controls

MAX_HEADERS = 50
#: Longest value: one line of RFC 5322 §2.1.1, in octets of UTF-8.
MAX_VALUE = 998

_NAME = re.compile(r"[!-9;-~]{1,76}")
_RESERVED = frozenset(
    {
        "apparently-to",
        "authentication-results",
        "bcc",
        "cc",
        "date",
        "delivered-to",
        "dkim-signature",
        "domainkey-signature",
        "feedback-id",
        "from",
        "message-id",
        "mime-version",
        "received",
        "received-spf",
        "reply-to",
        "return-path",
        "sender",
        "subject",
        "to",
    }
)
_RESERVED_PREFIXES = ("arc-", "content-", "envelope-", "resent-", "x-mailmatic-")
#: Reserved names that a caller has another way to set.
_INSTEAD = {"from", "to", "cc", "bcc", "subject", "reply-to"}


def name_fault(name: str) -> str | None:
    """Why a header can't be called `name`; `None` if it can."""
    if not _NAME.fullmatch(name):
        return "A header name has 1 to 76 printable ASCII characters, without spaces and colons."
    lower = name.lower()
    if lower in _INSTEAD:
        return f"{name} can't be set here; use the field `{lower.replace('-', '_')}`."
    if lower in _RESERVED or lower.startswith(_RESERVED_PREFIXES):
        return f"{name} is set by the platform and can't be given."
    return None


def value_fault(value: object) -> str | None:
    """Why a header can't hold `value`; `None` if it can."""
    if not isinstance(value, str):
        return "A header value is a string."
    if has_controls(value, allow="\t"):
        return "A header value can't contain line breaks or other control characters."
    if len(value.encode()) > MAX_VALUE:
        return f"A header value has at most {MAX_VALUE} octets."
    return None
