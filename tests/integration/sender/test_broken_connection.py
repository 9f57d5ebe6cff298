"""Connections that break, relays that talk nonsense: nothing is lost, and nothing goes out twice unawares."""

from __future__ import annotations

import pytest

from services.sender.smtp import RelayTrouble
from tests.fixtures.smtp_client import HELLO, MESSAGE, Begun, Connect, envelope, replies, statuses, whole
from tests.fixtures.smtp_peers import HANG_UP, peer, smtp_sink
from tests.fixtures.waiting import wait_for

PIPELINING = pytest.mark.parametrize("flags", [(), ("-p",)], ids=["pipelined", "one by one"])
BEFORE_THE_BODY = pytest.mark.parametrize("stage", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA"])
#: More than socket buffers hold, so that sending it meets the closed end.
HUGE = MESSAGE + (b"x" * 98 + b"\r\n") * 300_000


@PIPELINING
@BEFORE_THE_BODY
def test_it_is_trouble_and_nothing_is_begun_when_the_relay_hangs_up_before_the_body(
    stage: str, flags: tuple[str, ...], connect: Connect
) -> None:
    begun = Begun()
    with smtp_sink("-q", stage, *flags) as sink:
        with pytest.raises(RelayTrouble, match=f"127.0.0.1:{sink.port}: .*clos"):
            connect(sink.port).deliver(envelope("a@x.test", "b@x.test"), HELLO, begun)
        wait_for(lambda: sink.messages == [], "smtp-sink to drop what it had begun")
    assert begun.times == 0


@PIPELINING
@pytest.mark.parametrize("stage", ["CONNECT", "MAIL", "RCPT", "DATA"])
def test_it_is_trouble_in_the_relays_words_when_it_says_421_before_the_body(
    stage: str, flags: tuple[str, ...], connect: Connect
) -> None:
    begun = Begun()
    with smtp_sink("-Q", stage, *flags) as sink:
        with pytest.raises(RelayTrouble, match=r"421 .* Server closing connection"):
            connect(sink.port).deliver(envelope("a@x.test", "b@x.test"), HELLO, begun)
        wait_for(lambda: sink.messages == [], "smtp-sink to drop what it had begun")
    assert begun.times == 0


@PIPELINING
def test_the_outcome_is_unknown_when_the_relay_hangs_up_after_the_dot(
    flags: tuple[str, ...], connect: Connect
) -> None:
    begun = Begun()
    with smtp_sink("-q", ".", *flags) as sink:
        connection = connect(sink.port)
        outcomes = connection.deliver(envelope("a@x.test", "b@x.test"), HELLO, begun)
        assert statuses(outcomes) == {0: "unknown", 1: "unknown"}
        assert "lost before the reply" in replies(outcomes)[0]
        assert not connection.usable
    assert begun.times == 1


@PIPELINING
def test_the_message_is_deferred_when_the_relay_says_421_after_the_dot(
    flags: tuple[str, ...], connect: Connect
) -> None:
    with smtp_sink("-Q", ".", *flags) as sink:
        connection = connect(sink.port)
        outcomes = connection.deliver(envelope("a@x.test"), HELLO, Begun())
        assert statuses(outcomes) == {0: "deferred"}
        assert not connection.usable


def test_the_outcome_is_unknown_when_the_relay_is_silent_after_the_dot(connect: Connect) -> None:
    with smtp_sink("-W", ".:30") as sink:
        connection = connect(sink.port, timeout=0.5)
        outcomes = connection.deliver(envelope("a@x.test"), HELLO, Begun())
        assert statuses(outcomes) == {0: "unknown"}
        assert not connection.usable


def test_it_is_trouble_when_the_relay_is_silent_before_the_body(connect: Connect) -> None:
    begun = Begun()
    with smtp_sink("-W", "RCPT:30") as sink:
        connection = connect(sink.port, timeout=0.5)
        with pytest.raises(RelayTrouble, match="timed out") as caught:
            connection.deliver(envelope("a@x.test"), HELLO, begun)
        assert caught.value.blames_relay
        assert not connection.usable
    assert begun.times == 0


def test_it_is_trouble_that_blames_only_the_message_when_the_relay_hangs_up_within_the_body(
    connect: Connect,
) -> None:
    with peer(says={"body": HANG_UP}) as there:
        with pytest.raises(RelayTrouble) as caught:
            connect(there.port).deliver(envelope("a@x.test"), whole(HUGE), Begun())
        assert not caught.value.blames_relay
    assert there.arrived == []


def test_the_refusal_is_heard_when_the_relay_gives_it_within_the_body_and_hangs_up(connect: Connect) -> None:
    with smtp_sink("-A", "0") as sink:
        connection = connect(sink.port)
        outcomes = connection.deliver(envelope("a@x.test"), whole(HUGE), Begun())
        assert statuses(outcomes) == {0: "bounced"}
        assert replies(outcomes)[0].startswith("550")
        assert not connection.usable


GARBAGE = {
    "no code": "Hello there",
    "a code of no kind": "999 what",
    "an informational code": "150 listing follows",
    "a long line": "250 " + "x" * 100_000,
    "endless lines": "\r\n".join(["250-more"] * 10_000),
    "binary": "\x00\x01\x02\x03",
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE.keys())
@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA"])
def test_it_is_trouble_when_the_relay_talks_nonsense_before_the_body(
    stage: str, garbage: str, connect: Connect
) -> None:
    begun = Begun()
    with peer(pipelining=True, says={stage: garbage}) as there:
        connection = connect(there.port)
        with pytest.raises(RelayTrouble):
            connection.deliver(envelope("a@x.test"), HELLO, begun)
        assert not connection.usable
    assert begun.times == 0
    assert there.arrived == []


@pytest.mark.parametrize("garbage", [*GARBAGE.values(), "354 go on"], ids=[*GARBAGE, "a go-ahead"])
def test_the_outcome_is_unknown_when_the_relay_talks_nonsense_after_the_dot(
    garbage: str, connect: Connect
) -> None:
    with peer(pipelining=True, says={"dot": garbage}) as there:
        connection = connect(there.port)
        assert statuses(connection.deliver(envelope("a@x.test"), HELLO, Begun())) == {0: "unknown"}
        assert not connection.usable


@pytest.mark.parametrize("pipelining", [True, False], ids=["pipelined", "one by one"])
def test_it_is_trouble_and_not_sent_when_data_is_answered_as_if_it_were_done(
    pipelining: bool, connect: Connect
) -> None:
    begun = Begun()
    with (
        peer(pipelining=pipelining, says={"DATA": "250 2.0.0 OK"}) as there,
        pytest.raises(RelayTrouble, match="DATA was answered with 250"),
    ):
        connect(there.port).deliver(envelope("a@x.test"), HELLO, begun)
    assert begun.times == 0


@pytest.mark.parametrize("reply", ["503 5.5.1 nested MAIL command", "530 5.7.0 Authentication required"])
def test_it_is_trouble_and_no_failure_when_the_relay_refuses_the_connection_and_not_the_sender(
    reply: str, connect: Connect
) -> None:
    with (
        peer(pipelining=True, says={"MAIL": reply}) as there,
        pytest.raises(RelayTrouble, match=reply),
    ):
        connect(there.port).deliver(envelope("a@x.test"), HELLO, Begun())


def test_a_connection_is_not_used_again_when_the_relay_has_said_more_than_it_was_asked(
    connect: Connect,
) -> None:
    with peer(pipelining=True, says={"dot": "250 2.0.0 OK\r\n250 2.0.0 and again"}) as there:
        connection = connect(there.port)
        assert statuses(connection.deliver(envelope("a@x.test"), HELLO, Begun())) == {0: "sent"}
        assert not connection.usable


def test_it_is_trouble_when_nobody_listens(connect: Connect) -> None:
    with smtp_sink() as sink:
        port = sink.port
    with pytest.raises(RelayTrouble, match="refused"):
        connect(port)
