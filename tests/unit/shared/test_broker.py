"""What is retried, and for how long."""

from __future__ import annotations

import dramatiq
import pytest

from services.tracker import actors
from shared.broker import connect_broker, consumes
from shared.contracts import RecordHits, SendEmails
from shared.db import DatabaseUnavailable


@pytest.fixture
def broker() -> dramatiq.Broker:
    """One that is never connected."""
    return connect_broker()


def retry_when(broker: dramatiq.Broker, name: str) -> object:
    return broker.get_actor(name).options.get("retry_when")


def test_the_only_copy_of_something_is_tried_for_as_long_as_the_database_is_away(
    broker: dramatiq.Broker,
) -> None:
    consumes(RecordHits, outlasts_database=True)(actors.record_hits)
    decide = retry_when(broker, RecordHits.actor)
    assert callable(decide)
    assert decide(1_000, DatabaseUnavailable("away"))
    assert [decide(retries, ValueError("a fault of ours")) for retries in range(5)] == [True] * 3 + [
        False
    ] * 2


def test_a_nudge_is_left_to_the_sweeper_after_three_tries(broker: dramatiq.Broker) -> None:
    consumes(SendEmails)(lambda _: None)
    assert retry_when(broker, SendEmails.actor) is None
