"""How often a login failed: counted in Redis for its user, who is told at the next one that succeeds.

Known and unknown addresses are counted alike and under a digest, so that neither the time it takes nor what
Redis holds tells whether there is such a user. While Redis is away nothing is counted but the metric.
"""

from __future__ import annotations

import hashlib

import redis

from shared.metrics import Counter
from shared.redis import client

FAILED = Counter(
    "mailmatic_login_failures_total", "Logins that were refused for a wrong address or password."
)

#: How long failures are remembered after the last one (seconds).
_KEPT = 30 * 86_400


def count(email: str) -> None:
    """Notes a failed login as `email`."""
    FAILED.inc()
    try:
        client().incr(_key(email))
        client().expire(_key(email), _KEPT)
    except redis.RedisError:
        return


def taken(email: str) -> int:
    """How many failed since this was asked last; 0 where nobody knows."""
    try:
        return int(str(client().getdel(_key(email)) or 0))
    except redis.RedisError:
        return 0


def _key(email: str) -> str:
    return f"login-failures:{hashlib.sha256(email.encode()).hexdigest()}"
