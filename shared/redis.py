"""Redis with our timeouts. A scratchpad: whoever asks it must have an answer for when it is away."""

from __future__ import annotations

from functools import cache

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from shared.settings import settings


@cache
def client() -> redis.Redis:
    """This process's client; connects at first use, gives up after half a second and does not try again."""
    return redis.Redis.from_url(
        settings().redis_url,
        socket_timeout=0.5,
        socket_connect_timeout=0.5,
        retry=Retry(NoBackoff(), 0),  # the library would try four times
        decode_responses=True,
    )
