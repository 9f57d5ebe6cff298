"""Redis with our timeouts. A scratchpad: whoever asks it must have an answer for when it is away."""

from __future__ import annotations

from functools import cache

import redis

from shared.settings import settings


@cache
def client() -> redis.Redis:
    """This process's client; connects at first use, gives up after half a second."""
    return redis.Redis.from_url(
        settings().redis_url, socket_timeout=0.5, socket_connect_timeout=0.5, decode_responses=True
    )
