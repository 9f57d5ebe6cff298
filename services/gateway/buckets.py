"""Counters of requests in Redis: one round trip a request, and none to speak of while Redis is away.

A window begins with the first request in it. All rates of one subject are asked and charged
in one script, so concurrent requests never get past a quota, and a refused request costs nothing.
Fails open: without Redis everybody is let in, which is counted, and Redis is asked again every few seconds.
"""

from __future__ import annotations

import ipaddress
import math
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

import redis

from services.gateway.errors import problem
from shared.errors import ApiError
from shared.metrics import Counter
from shared.observability import get_logger
from shared.rates import Rate
from shared.redis import client

log = get_logger("limits")

UNLIMITED = Counter(
    "mailmatic_rate_limit_unavailable_total",
    "Requests let in without a rate limit because Redis was away.",
)

#: Seconds for which Redis is left alone after it failed: it must not cost every request a timeout.
_PAUSE = 2.0

# KEYS: one a rate. ARGV: what to charge, then quota and window (ms) of each.
# Returns whether all have room, then for each what is used and when its window ends (ms).
TAKE = """
local cost, room, answer = tonumber(ARGV[1]), 1, {0}
for i, key in ipairs(KEYS) do
    local quota, window = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
    local used, left = tonumber(redis.call('GET', key) or 0), redis.call('PTTL', key)
    if left <= 0 then used, left = 0, window end
    if used + math.max(cost, 1) > quota then room = 0 end
    answer[2 * i], answer[2 * i + 1] = used, left
end
answer[1] = room
if room == 1 and cost > 0 then
    for i, key in ipairs(KEYS) do
        answer[2 * i] = answer[2 * i] + cost
        redis.call('SET', key, answer[2 * i], 'PX', answer[2 * i + 1])
    end
end
return answer
"""


@dataclass(frozen=True, slots=True)
class Bucket:
    """How one rate of a subject stands: requests left, and seconds until its window ends (at least 1)."""

    rate: Rate
    remaining: int
    reset: int


@dataclass(frozen=True, slots=True)
class Taken:
    """Whether a request may pass, and how its rates stand; no buckets: nothing was asked."""

    allowed: bool
    buckets: tuple[Bucket, ...] = ()

    @property
    def tightest(self) -> Bucket:
        """The bucket with the least left; of several the one that lasts longest."""
        return min(self.buckets, key=lambda bucket: (bucket.remaining, -bucket.reset))


class _Pause:
    """Lets one thread at a time find out whether Redis is back."""

    def __init__(self) -> None:
        self._until = 0.0
        self._lock = threading.Lock()

    def holds(self) -> bool:
        """Whether Redis is to be left alone; the first to ask after the pause is told no, alone."""
        if not self._until:
            return False
        with self._lock:
            if time.monotonic() < self._until:
                return True
            self._until = time.monotonic() + _PAUSE
            return False

    def begin(self) -> bool:
        """Begins or prolongs the pause; whether this is the first failure."""
        with self._lock:
            first, self._until = not self._until, time.monotonic() + _PAUSE
            return first

    def end(self) -> None:
        """Redis answers."""
        if self._until:
            self._until = 0.0
            log.info("limits.redis_is_back")


_pause = _Pause()


def take(scope: str, subject: str, rates: Sequence[Rate], cost: int = 1) -> Taken:
    """Charges `subject` with one request (or only looks, with `cost=0`), unless a rate is used up.

    Args:
        scope: what is limited: `credential`, `ip` …; keeps subjects of different kinds apart.
        rates: the rates that hold, of different units; none: everything passes, and Redis is not asked.
    """
    if not rates:
        return Taken(True)
    if _pause.holds():
        UNLIMITED.inc()
        return Taken(True)
    # the braces keep a subject's keys on one node of a Redis cluster
    keys = [f"rate:{{{scope}:{subject}}}:{rate.unit}" for rate in rates]
    numbers = [number for rate in rates for number in (rate.quota, rate.seconds * 1000)]
    try:
        allowed, *state = client().register_script(TAKE)(keys, [cost, *numbers])
    except redis.RedisError as error:
        UNLIMITED.inc()
        if _pause.begin():
            log.warning("limits.redis_unavailable", reason=str(error), effect="nobody is limited")
        return Taken(True)
    _pause.end()
    pairs = zip(rates, state[::2], state[1::2], strict=True)
    return Taken(
        bool(allowed),
        tuple(
            Bucket(rate, max(0, rate.quota - used), max(1, math.ceil(left / 1000)))
            for rate, used, left in pairs
        ),
    )


def network_of(address: str) -> str:
    """Whom a limit by address is for: the IPv4 address, or the /64 that one IPv6 client has to itself."""
    try:
        known = ipaddress.ip_address(plain_address(address))
    except ValueError:
        return "unknown"
    if isinstance(known, ipaddress.IPv4Address):
        return str(known)
    return str(ipaddress.ip_network((known.packed[:8] + bytes(8), 64)))


def exceeded(taken: Taken) -> ApiError:
    """The refusal of what was not allowed."""
    spent = [bucket for bucket in taken.buckets if not bucket.remaining]
    wait = max(bucket.reset for bucket in spent)
    rates = " and ".join(f"{bucket.rate.quota} requests a {bucket.rate.unit}" for bucket in spent)
    return problem(
        "rate_limit_exceeded",
        f"More than {rates}. Try again in {wait} s.",
        headers={"Retry-After": str(wait)},
    )


def plain_address(address: str) -> str:
    """`address` as IPv4 where it is that in IPv6 clothes (`::ffff:192.0.2.1`), without a scope."""
    found = ipaddress.ip_address(address.partition("%")[0])
    return str(getattr(found, "ipv4_mapped", None) or found)
