"""Kept connections, failover, cool-down and return."""

from __future__ import annotations

import pytest

from deploy.local.ports import HOST, free_port
from services.sender.smtp import RelayTrouble
from tests.fixtures.smtp_client import HELLO, MESSAGE, Begun, MakePool, envelope, statuses, whole
from tests.fixtures.smtp_peers import HANG_UP, peer
from tests.fixtures.waiting import wait_for

GOOD = envelope("good@x.test")


def test_one_connection_is_kept_when_messages_follow_each_other(make_pool: MakePool) -> None:
    with peer(pipelining=True) as there:
        pool = make_pool(there.port)
        for _ in range(20):
            relay, outcomes = pool.deliver(GOOD, HELLO, Begun())
            assert statuses(outcomes) == {0: "sent"}
            assert str(relay) == f"{HOST}:{there.port}"
    assert there.connections == 1
    assert len(there.arrived) == 20


def test_the_message_goes_out_once_over_a_fresh_connection_when_the_kept_one_was_closed(
    make_pool: MakePool,
) -> None:
    with peer(pipelining=True) as there:
        pool = make_pool(there.port)
        pool.deliver(GOOD, HELLO, Begun())
        there.hang_up_on_everybody()
        begun = Begun()
        _, outcomes = pool.deliver(GOOD, HELLO, begun)
    assert statuses(outcomes) == {0: "sent"}
    assert begun.times == 1
    assert there.connections == 2
    assert len(there.arrived) == 2


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA"])
def test_the_message_goes_out_once_over_a_fresh_connection_when_the_kept_one_breaks_before_the_body(
    stage: str, make_pool: MakePool
) -> None:
    with peer(pipelining=True) as there:
        pool = make_pool(there.port)
        pool.deliver(GOOD, HELLO, Begun())
        there.once[stage] = HANG_UP
        begun = Begun()
        _, outcomes = pool.deliver(GOOD, HELLO, begun)
    assert statuses(outcomes) == {0: "sent"}
    assert begun.times == 1
    assert there.connections == 2
    assert len(there.arrived) == 2


def test_the_message_is_not_sent_again_when_a_kept_connection_breaks_after_the_dot(
    make_pool: MakePool,
) -> None:
    with peer(pipelining=True) as first, peer(pipelining=True) as second:
        pool = make_pool(first.port, second.port)
        pool.deliver(GOOD, HELLO, Begun())
        first.once["dot"] = HANG_UP
        begun = Begun()
        relay, outcomes = pool.deliver(GOOD, HELLO, begun)
        assert statuses(outcomes) == {0: "unknown"}
        assert str(relay) == f"{HOST}:{first.port}"
        assert begun.times == 1
        assert (len(first.arrived), len(second.arrived)) == (2, 0)
        _, outcomes = pool.deliver(GOOD, HELLO, Begun())
        assert statuses(outcomes) == {0: "sent"}


def test_a_kept_connection_is_dropped_when_the_relay_has_muttered_on_it(make_pool: MakePool) -> None:
    with peer(pipelining=True) as there:
        pool = make_pool(there.port)
        pool.deliver(GOOD, HELLO, Begun())
        there.mutter("250 2.0.0 nobody asked")
        _, outcomes = pool.deliver(GOOD, HELLO, Begun())
        assert statuses(outcomes) == {0: "sent"}
    assert there.connections == 2
    assert len(there.arrived) == 2


def test_a_refusal_is_final_when_another_relay_would_have_taken_the_message(make_pool: MakePool) -> None:
    with peer(says={"good@x.test": "550 5.1.1 no"}) as first, peer() as second:
        relay, outcomes = make_pool(first.port, second.port).deliver(GOOD, HELLO, Begun())
    assert statuses(outcomes) == {0: "bounced"}
    assert str(relay) == f"{HOST}:{first.port}"
    assert second.connections == 0


@pytest.mark.parametrize("how", [HANG_UP, "421 4.3.2 shutting down", "530 5.7.0 log in first", "what?"])
def test_the_second_relay_takes_over_and_the_first_rests_when_it_is_in_trouble(
    how: str, make_pool: MakePool
) -> None:
    with peer(says={"MAIL": how}) as first, peer() as second:
        pool = make_pool(first.port, second.port)
        for _ in range(3):
            relay, outcomes = pool.deliver(GOOD, HELLO, Begun())
            assert statuses(outcomes) == {0: "sent"}
            assert str(relay) == f"{HOST}:{second.port}"
    assert first.connections == 1
    assert len(second.arrived) == 3


def test_the_first_relay_is_used_again_when_it_is_back_and_has_rested(make_pool: MakePool) -> None:
    port = free_port()
    with peer() as second:
        pool = make_pool(port, second.port, cooldown=0.2)
        relay, _ = pool.deliver(GOOD, HELLO, Begun())
        assert str(relay) == f"{HOST}:{second.port}"
        with peer(port=port) as first:

            def first_is_back() -> bool:
                relay, outcomes = pool.deliver(GOOD, HELLO, Begun())
                assert statuses(outcomes) == {0: "sent"}
                return str(relay) == f"{HOST}:{port}"

            wait_for(first_is_back, "the first relay to be used again")
            assert len(first.arrived) == 1


def test_it_is_trouble_in_the_relays_words_when_no_relay_can_be_reached(make_pool: MakePool) -> None:
    pool = make_pool(free_port(), free_port())
    for _ in range(2):  # tried; then passed over
        with pytest.raises(RelayTrouble, match="refused"):
            pool.deliver(GOOD, HELLO, Begun())


def test_a_relay_goes_on_serving_others_when_one_message_makes_it_hang_up(make_pool: MakePool) -> None:
    huge = MESSAGE + (b"x" * 98 + b"\r\n") * 300_000
    with peer(pipelining=True, says={"body": HANG_UP}) as there:
        pool = make_pool(there.port)
        with pytest.raises(RelayTrouble):
            pool.deliver(GOOD, whole(huge), Begun())
        del there.says["body"]
        _, outcomes = pool.deliver(GOOD, HELLO, Begun())
    assert statuses(outcomes) == {0: "sent"}
