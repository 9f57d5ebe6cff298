"""Where an account stands after events of its subscriptions, in whatever order they came."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import random
from datetime import UTC, datetime, timedelta

import pytest

from services.webhooks.billing import Event, Standing, best, fold
from services.webhooks.razorpay import is_genuine
from shared.plans import Plans

START = datetime(2026, 6, 1, tzinfo=UTC)
MONTH, GRACE = timedelta(days=30), timedelta(days=7)


def story(*kinds: str, plan: str = "plan_pro") -> list[Event]:
    """One event a day, of a subscription whose months begin with it."""
    return [
        Event(f"evt_{day}", f"subscription.{kind}", START + timedelta(days=day), plan, START + MONTH)
        for day, kind in enumerate(kinds)
    ]


@pytest.mark.parametrize(
    ("kinds", "state"),
    [
        ((), "none"),
        (("authenticated",), "none"),
        (("authenticated", "activated", "charged"), "active"),
        (("activated", "pending"), "grace"),
        (("activated", "pending", "charged"), "active"),
        (("activated", "pending", "halted"), "halted"),
        (("activated", "pending", "halted", "activated"), "active"),
        (("activated", "paused"), "paused"),
        (("activated", "paused", "resumed"), "active"),
        (("activated", "cancelled"), "ending"),
        (("activated", "cancelled", "charged"), "ending"),
        (("activated", "completed"), "ending"),
    ],
)
def test_every_order_and_repetition_of_a_story_ends_alike(kinds: tuple[str, ...], state: str) -> None:
    events = story(*kinds)
    expected = fold(events, GRACE)
    assert expected.state == state
    for order in itertools.permutations(events):
        assert fold([*order, *order], GRACE) == expected


def test_long_story_ends_alike_however_it_is_shuffled() -> None:
    events = story(
        *["authenticated", "activated", "charged", "pending", "charged", "updated"] * 5, "cancelled"
    )
    expected = fold(events, GRACE)
    shuffler = random.Random(1)
    for _ in range(100):
        shuffler.shuffle(events)
        assert fold(events, GRACE) == expected


def test_events_of_one_second_are_taken_in_the_order_of_a_subscription() -> None:
    moment = START
    events = [
        Event("a", "subscription.charged", moment, "plan_pro", moment + MONTH),
        Event("b", "subscription.authenticated", moment, "plan_pro", moment + MONTH),
        Event("c", "subscription.activated", moment, "plan_pro", moment + MONTH),
    ]
    assert {fold(order, GRACE).state for order in itertools.permutations(events)} == {"active"}


def test_plan_holds_through_grace_and_to_the_end_of_what_is_paid() -> None:
    grace = fold(story("activated", "pending"), GRACE)
    assert grace.grace_until == START + timedelta(days=1) + GRACE
    assert grace.holds(grace.grace_until - timedelta(seconds=1))
    assert not grace.holds(grace.grace_until)
    ending = fold(story("activated", "cancelled"), GRACE)
    assert (ending.paid_through, ending.due_at) == (START + MONTH, START + MONTH)
    assert ending.holds(START + MONTH - timedelta(seconds=1))
    assert not ending.holds(START + MONTH)


def test_subscription_in_force_counts_before_one_that_ended_later() -> None:
    active = fold(story("activated"), GRACE)
    halted = Standing("halted", "plan_pro", as_of=START + MONTH)
    assert best([("sub_old", halted), ("sub_new", active)], START) == ("sub_new", active)
    assert best([], START) is None


def test_signature_is_of_the_raw_body_under_any_of_the_secrets() -> None:
    body = b'{"entity":"event",  "event":"payment.captured"}'
    signature = hmac.new(b"old", body, hashlib.sha256).hexdigest()
    assert is_genuine(body, signature, ["new", "old"])
    assert not is_genuine(body, signature, ["new"])
    assert not is_genuine(body.replace(b"  ", b" "), signature, ["old"])
    assert not is_genuine(body, "", ["old"])
    assert not is_genuine(body, "é", ["old"])


@pytest.mark.parametrize(
    "text",
    [
        "{", "{}", "[1]", '[{"id": "x"}]', '[{"id": "x", "name": "X", "daily": 0}]', "/there/is/none",
        '[{"id": "x", "name": "X", "z": 1}]', '[{"id": "x", "name": "X"}, {"id": "x", "name": "Y"}]',
    ],
)  # fmt: skip
def test_plans_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Plans(text)


def test_plans_are_found_by_both_ids_and_an_unknown_one_is_the_default() -> None:
    plans = Plans('[{"id": "free", "name": "Free"}, {"id": "pro", "name": "Pro", "razorpay": ["plan_1"]}]')
    found = plans.of_razorpay("plan_1")
    assert found is not None
    assert (found.id, plans.get("gone").id, plans.of_razorpay("plan_2")) == ("pro", "free", None)
    assert not Plans("")
