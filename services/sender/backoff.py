"""When to try again: exponential with jitter, bounded. Pure."""

from __future__ import annotations

import random


def retry_delay(attempt: int, *, base: float, cap: float) -> float:
    """Seconds to wait after failed attempt number `attempt` (1, 2, …).

    `base` doubled for each attempt up to `cap`, times a random factor of 0.75 to 1.25, so that what failed
    together does not come back together.
    """
    delay: float = min(cap, base * 2.0 ** min(attempt - 1, 30))
    return delay * random.uniform(0.75, 1.25)  # noqa: S311 - spreading load, not guarding anything
