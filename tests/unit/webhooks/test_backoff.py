"""When a delivery is tried again, and how long an endpoint is left alone."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from services.webhooks.backoff import SCHEDULE, next_attempt, pause, retry_after

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def test_schedule_is_the_standards_and_takes_about_three_days() -> None:
    assert sum(SCHEDULE) == 75 * 3600 + 35 * 60 + 5
    for attempt, seconds in enumerate(SCHEDULE, start=1):
        waits = [next_attempt(attempt, None) for _ in range(50)]
        assert all(wait is not None and seconds * 0.9 <= wait <= seconds * 1.1 for wait in waits)
        assert len(set(waits)) > 1, "no jitter"
    assert next_attempt(len(SCHEDULE) + 1, None) is None


def test_retry_after_is_honoured_within_a_day() -> None:
    assert next_attempt(1, 600.0) == 600.0
    assert next_attempt(1, 10.0**9) == 86_400.0
    assert (next_attempt(9, 1.0) or 0) > 70_000


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None), ("120", 120.0), ("0", 0.0), ("soon", None), ("-5", None), ("9" * 40, 86_400.0),
        ("Mon, 01 Jun 2026 12:01:00 GMT", 60.0), ("Mon, 01 Jun 2020 12:01:00 GMT", 0.0),
    ],
)  # fmt: skip
def test_retry_after_is_read_in_both_forms(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, NOON) == seconds


def test_pauses_of_an_endpoint_grow_to_five_minutes() -> None:
    assert pause(1, None) == pause(2, None) == 0.0
    assert 4 < pause(3, None) < 6
    assert 270 <= pause(100, None) <= 330
    assert pause(1, 30.0) == 30.0
