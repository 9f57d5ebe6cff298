"""How many more emails of a campaign may be queued now, and when to ask again. Pure.

Two bounds: a campaign is never more than `AHEAD` emails ahead of its senders, so that a pause or a
cancellation finds little to hold back; and a rate limit is a token bucket whose level is a row's, so it
survives any crash.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.rates import Rate

#: Most emails of one campaign that are queued and not settled.
AHEAD = 10_000
#: Emails of one page: one transaction, and so one lock on the campaign's row (at most 4,095: expand.py).
PAGE = 2_000
#: How soon to look again at a campaign that has to wait, unless it is known to take longer.
PAUSE = timedelta(seconds=0.25)


@dataclass(frozen=True)
class Bucket:
    """Tokens as they were at a moment; one is an email. `at` None: it was never used and is full."""

    tokens: float
    at: datetime | None

    def filled(self, rate: Rate, moment: datetime) -> Bucket:
        """The bucket at `moment`: never more in it than a second's worth, or one."""
        most = max(1.0, rate.quota / rate.seconds)
        if self.at is None:
            return Bucket(most, moment)
        passed = max(0.0, (moment - self.at).total_seconds())
        return Bucket(min(most, self.tokens + passed * rate.quota / rate.seconds), moment)

    def taken(self, count: int) -> Bucket:
        """The bucket without `count` tokens."""
        return Bucket(self.tokens - count, self.at)

    def wait(self, rate: Rate) -> timedelta:
        """How long until there is one whole token."""
        missing = max(0.0, 1.0 - self.tokens)
        return max(PAUSE, timedelta(seconds=missing * rate.seconds / rate.quota))


def room(ahead: int, tokens: float | None) -> int:
    """How many emails the next page may have; 0: none for now.

    Args:
        ahead: emails queued and not settled.
        tokens: in the bucket; None: no rate limit. Without one, pages are whole ones.
    """
    free = AHEAD - ahead
    if tokens is None:
        return PAGE if free >= PAGE else 0
    return max(0, min(PAGE, free, int(tokens)))
