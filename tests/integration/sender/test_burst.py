"""Messages back to back on one connection: in order, each with its own outcome, whatever breaks in
between.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from services.sender.smtp import RelayTrouble
from services.sender.transaction import Envelope, Item
from tests.fixtures.smtp_client import Burst, MakePool, numbered
from tests.fixtures.smtp_peers import HANG_UP, peer, smtp_sink


def test_all_arrive_in_order_over_one_connection(make_pool: MakePool) -> None:
    burst = Burst(*(f"r{number}@x.test" for number in range(50)))
    with peer(pipelining=True) as there:
        assert make_pool(there.port).burst(burst.items, burst.begin, burst.end)
    assert burst.statuses == ["sent"] * 50
    assert [item.content for item in there.arrived] == [numbered(number) for number in range(50)]
    assert [item.recipients for item in there.arrived] == [[address] for address in burst.addresses]
    assert there.connections == 1


def test_a_relay_in_c_takes_them_too(make_pool: MakePool) -> None:
    burst = Burst(*(f"r{number}@x.test" for number in range(20)))
    with smtp_sink() as sink:
        assert make_pool(sink.port).burst(burst.items, burst.begin, burst.end)
        assert burst.statuses == ["sent"] * 20
        assert len(sink.messages) == 20


def test_who_is_refused_does_not_disturb_the_others(make_pool: MakePool) -> None:
    burst = Burst("a@x.test", "gone@x.test", "b@x.test", "later@x.test", "c@x.test")
    says = {"gone@x.test": "550 5.1.1 No such user", "later@x.test": "451 4.2.1 Later"}
    with peer(pipelining=True, says=says) as there:
        assert make_pool(there.port).burst(burst.items, burst.begin, burst.end)
    assert burst.statuses == ["sent", "bounced", "sent", "deferred", "sent"]
    assert burst.ended["gone@x.test"].suppression == "hard_bounce"
    assert burst.begun == ["a@x.test", "b@x.test", "c@x.test"]
    assert len(there.arrived) == 3


def test_a_refused_message_does_not_disturb_the_others(make_pool: MakePool) -> None:
    burst = Burst("a@x.test", "b@x.test", "c@x.test")
    with peer(pipelining=True) as there:
        there.once["dot"] = "554 5.7.1 Refused"
        assert make_pool(there.port).burst(burst.items, burst.begin, burst.end)
    assert burst.statuses == ["bounced", "sent", "sent"]


def test_a_lost_reply_is_unknown_and_what_follows_was_not_begun(make_pool: MakePool) -> None:
    burst = Burst("a@x.test", "b@x.test", "c@x.test")
    with peer(pipelining=True) as there:
        pool = make_pool(there.port)
        there.once["dot"] = HANG_UP
        with pytest.raises(RelayTrouble):
            pool.burst(burst.items, burst.begin, burst.end)
    assert burst.statuses == ["unknown", None, None]
    assert burst.begun == ["a@x.test"]


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA"])
def test_a_connection_that_breaks_before_a_body_has_handed_nothing_over(
    stage: str, make_pool: MakePool
) -> None:
    burst = Burst("a@x.test", "b@x.test")
    with peer(pipelining=True) as there:
        pool = make_pool(there.port)
        there.once[stage] = HANG_UP
        with pytest.raises(RelayTrouble):
            pool.burst(burst.items, burst.begin, burst.end)
    assert (burst.statuses, burst.begun, there.arrived) == ([None, None], [], [])


def test_what_stops_a_hand_over_stops_it_before_the_body(make_pool: MakePool) -> None:
    class Stopped(Exception):
        pass

    burst = Burst("a@x.test", "b@x.test", "c@x.test")

    def begin(envelope: Envelope) -> None:
        burst.begin(envelope)
        if len(burst.begun) == 2:
            raise Stopped

    with peer(pipelining=True) as there:
        with pytest.raises(Stopped):
            make_pool(there.port).burst(burst.items, begin, burst.end)
        assert burst.statuses == ["sent", None, None]
    assert len(there.arrived) == 1


def test_what_goes_wrong_while_the_next_is_made_leaves_no_message_unknown(make_pool: MakePool) -> None:
    burst = Burst("r0@x.test", "r1@x.test", "r2@x.test", "r3@x.test")

    def items() -> Iterator[Item]:
        yield from list(burst.items())[:3]
        raise KeyError("a fault of ours")

    with peer(pipelining=True) as there, pytest.raises(KeyError):
        make_pool(there.port).burst(items, burst.begin, burst.end)
    assert burst.begun == ["r0@x.test", "r1@x.test"]
    assert burst.statuses == ["sent", "sent", None, None]


def test_a_relay_without_pipelining_is_left_to_the_ordinary_way(make_pool: MakePool) -> None:
    burst = Burst("a@x.test")
    with peer() as there:
        assert not make_pool(there.port).burst(burst.items, burst.begin, burst.end)
    assert (burst.begun, there.arrived) == ([], [])
