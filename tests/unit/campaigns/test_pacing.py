"""How far a campaign's fan-out may go ahead, and how fast."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.campaigns.pacing import AHEAD, PAGE, PAUSE, Bucket, room
from shared.rates import Rate

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def test_pages_are_whole_until_the_campaign_is_far_enough_ahead() -> None:
    assert room(0, None) == PAGE
    assert room(AHEAD - PAGE, None) == PAGE
    assert room(AHEAD - PAGE + 1, None) == 0
    assert room(AHEAD + 5, None) == 0


def test_a_rate_limit_makes_pages_as_small_as_it_takes() -> None:
    assert room(0, 3.9) == 3
    assert room(0, 0.9) == 0
    assert room(AHEAD - 2, 50.0) == 2


def test_a_bucket_fills_with_time_and_holds_a_seconds_worth() -> None:
    rate = Rate(600, "minute")
    bucket = Bucket(0, None).filled(rate, NOON)
    assert bucket.tokens == 10
    bucket = bucket.taken(10).filled(rate, NOON + timedelta(seconds=0.5))
    assert bucket.tokens == 5
    assert bucket.filled(rate, NOON + timedelta(hours=1)).tokens == 10


def test_a_slow_rate_sends_one_at_a_time_and_waits_for_the_next() -> None:
    rate = Rate(2, "hour")
    bucket = Bucket(0, None).filled(rate, NOON)
    assert bucket.tokens == 1
    assert bucket.taken(1).wait(rate) == timedelta(minutes=30)


def test_a_clock_that_goes_back_takes_nothing_away() -> None:
    rate = Rate(60, "minute")
    assert Bucket(0.5, NOON).filled(rate, NOON - timedelta(minutes=1)).tokens == 0.5


@pytest.mark.parametrize("minutes", range(1, 6))
def test_no_more_goes_out_than_the_rate_and_one_burst_allow(minutes: int) -> None:
    rate, bucket, sent = Rate(90, "minute"), Bucket(0, None), 0
    moment = NOON
    while moment < NOON + timedelta(minutes=minutes):
        bucket = bucket.filled(rate, moment)
        taken = room(0, bucket.tokens)
        bucket, sent = bucket.taken(taken), sent + taken
        moment += PAUSE
    assert 90 * minutes - 2 <= sent <= 90 * minutes + 2
