"""Signatures of Standard Webhooks 1.0 (symmetric), which are Svix's too. Pure.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Sequence

#: The same three headers under the standard's names and under Svix's.
_PREFIXES = ("webhook", "svix")


def signature(secret: bytes, webhook_id: str, timestamp: int, body: bytes) -> str:
    """`v1,<base64>` over `id.timestamp.body`; `secret` is the key itself, not its `whsec_` form."""
    signed = f"{webhook_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(secret, signed, "sha256")).decode()


def headers(secrets: Sequence[bytes], webhook_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The signed headers of one attempt.

    Args:
        secrets: newest first; each signs, so that a reader may know either while they change over.
        webhook_id: the same for every attempt, without a dot.
        timestamp: of this attempt, in seconds of Unix time.
    """
    signatures = " ".join(signature(secret, webhook_id, timestamp, body) for secret in secrets)
    values = {"id": webhook_id, "timestamp": str(timestamp), "signature": signatures}
    return {f"{prefix}-{name}": value for prefix in _PREFIXES for name, value in values.items()}
