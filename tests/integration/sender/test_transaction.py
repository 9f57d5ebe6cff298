"""One transaction on one connection: what the relay says to each command, and what becomes of whom."""

from __future__ import annotations

import pytest

from services.sender.outcomes import Reply
from tests.fixtures.smtp_client import HELLO, MESSAGE, Begun, Connect, envelope, replies, statuses, whole
from tests.fixtures.smtp_peers import peer, smtp_sink

PIPELINING = pytest.mark.parametrize("pipelining", [True, False], ids=["pipelined", "one by one"])
THREE = ("refused@x.test", "good@x.test", "later@x.test")
MOODS = {"refused@x.test": "550 5.1.1 no such user", "later@x.test": "451 4.2.1 try again"}


@PIPELINING
def test_each_recipient_has_its_own_outcome_when_some_are_refused(pipelining: bool, connect: Connect) -> None:
    with peer(pipelining=pipelining, says=dict(MOODS)) as there:
        outcomes = connect(there.port).deliver(envelope(*THREE), HELLO, Begun())
    assert statuses(outcomes) == {0: "bounced", 1: "sent", 2: "deferred"}
    assert replies(outcomes) == {
        0: "550 5.1.1 no such user",
        1: "250 2.0.0 OK",
        2: "451 4.2.1 try again",
    }
    (arrived,) = there.arrived
    assert arrived.recipients == ["good@x.test"]
    assert arrived.content == MESSAGE


@PIPELINING
def test_nothing_is_begun_and_the_connection_serves_the_next_message_when_everybody_is_refused(
    pipelining: bool, connect: Connect
) -> None:
    begun = Begun()
    with peer(pipelining=pipelining, says=dict(MOODS)) as there:
        connection = connect(there.port)
        outcomes = connection.deliver(envelope("refused@x.test", "later@x.test"), HELLO, begun)
        assert statuses(outcomes) == {0: "bounced", 1: "deferred"}
        assert begun.times == 0
        assert statuses(connection.deliver(envelope("good@x.test"), HELLO, begun)) == {0: "sent"}
    assert [message.recipients for message in there.arrived] == [["good@x.test"]]
    assert there.connections == 1


def test_only_a_lone_dot_goes_out_when_data_is_let_in_after_everybody_was_refused(connect: Connect) -> None:
    begun = Begun()
    with peer(pipelining=True, lets_data_in=True, says={"refused@x.test": "550 no"}) as there:
        connection = connect(there.port)
        assert statuses(connection.deliver(envelope("refused@x.test"), HELLO, begun)) == {0: "bounced"}
        assert [message.content for message in there.arrived] == [b""]
        assert begun.times == 0
        assert statuses(connection.deliver(envelope("good@x.test"), HELLO, begun)) == {0: "sent"}
    assert there.arrived[-1].content == MESSAGE


@PIPELINING
@pytest.mark.parametrize(
    ("reply", "status"), [("550 5.7.1 not you", "failed"), ("451 4.3.0 busy", "deferred")]
)
def test_nobody_is_served_and_the_connection_goes_on_when_the_sender_is_refused(
    pipelining: bool, reply: str, status: str, connect: Connect
) -> None:
    with peer(pipelining=pipelining, says={"MAIL": reply}) as there:
        connection = connect(there.port)
        outcomes = connection.deliver(envelope(*THREE), HELLO, Begun())
        assert statuses(outcomes) == dict.fromkeys(range(3), status)
        assert set(replies(outcomes).values()) == {reply}
        del there.says["MAIL"]
        assert statuses(connection.deliver(envelope("good@x.test"), HELLO, Begun())) == {0: "sent"}
    assert len(there.arrived) == 1
    assert there.connections == 1


@PIPELINING
@pytest.mark.parametrize("stage", ["DATA", "dot"])
@pytest.mark.parametrize(
    ("reply", "status"), [("554 5.6.0 no such content", "bounced"), ("452 4.3.1 disk full", "deferred")]
)
def test_accepted_recipients_share_the_reply_when_the_message_is_refused(
    pipelining: bool, stage: str, reply: str, status: str, connect: Connect
) -> None:
    with peer(pipelining=pipelining, says={**MOODS, stage: reply}) as there:
        connection = connect(there.port)
        outcomes = connection.deliver(envelope(*THREE), HELLO, Begun())
        assert statuses(outcomes) == {0: "bounced", 1: status, 2: "deferred"}
        assert replies(outcomes)[1] == reply
        del there.says[stage]
        assert statuses(connection.deliver(envelope("good@x.test"), HELLO, Begun())) == {0: "sent"}
    assert there.connections == 1


@pytest.mark.parametrize("flags", [(), ("-p",)], ids=["pipelined", "one by one"])
def test_a_message_arrives_when_the_relay_is_not_written_in_python(
    flags: tuple[str, ...], connect: Connect
) -> None:
    with smtp_sink(*flags) as sink:
        connection = connect(sink.port)
        for _ in range(3):
            outcomes = connection.deliver(envelope("a@x.test", "b@x.test"), HELLO, Begun())
            assert statuses(outcomes) == {0: "sent", 1: "sent"}
        connection.close()
        assert [message.endswith(MESSAGE.replace(b"\r\n", b"\n") + b"\n") for message in sink.messages] == [
            True
        ] * 3


def _lines_with_dots() -> bytes:
    lines = [b"Subject: dots", b"", b".", b"..", b".a", b"a.", b"", b"." * 900]
    lines += [b".%d" % number + b"x" * (number % 70) for number in range(25_000)]
    return b"\r\n".join(lines) + b"\r\n"


@pytest.mark.parametrize(
    "message",
    [
        b".\r\n",
        b"..\r\n.\r\n",
        b".first: line\r\n\r\n.\r\n.\r\n",
        _lines_with_dots(),
        b"Subject: 8 bit\r\n\r\n" + bytes(range(128, 256)) + b"\r\n",
    ],
    ids=["a lone dot", "only dots", "dots first", "1 MB of dots", "every octet"],
)
def test_a_message_arrives_byte_for_byte(message: bytes, connect: Connect) -> None:
    with peer(pipelining=True) as there:
        outcomes = connect(there.port).deliver(envelope("good@x.test"), whole(message), Begun())
    assert statuses(outcomes) == {0: "sent"}
    assert there.arrived[0].content == message


def test_a_message_is_failed_unsent_when_it_exceeds_the_size_that_the_relay_takes(connect: Connect) -> None:
    begun = Begun()
    with peer(pipelining=True, size=1_000) as there:
        connection = connect(there.port)
        outcomes = connection.deliver(envelope("good@x.test"), whole(MESSAGE + b"x" * 1_000 + b"\r\n"), begun)
        assert statuses(outcomes) == {0: "failed"}
        assert replies(outcomes)[0].startswith("552")
        assert statuses(connection.deliver(envelope("good@x.test"), HELLO, begun)) == {0: "sent"}
    assert begun.times == 1
    assert there.commands["MAIL"] == 2


def test_addresses_beyond_ascii_arrive_when_smtputf8_is_offered(connect: Connect) -> None:
    with peer(pipelining=True) as there:
        outcomes = connect(there.port).deliver(envelope("pelé@x.test", "good@x.test"), HELLO, Begun())
    assert statuses(outcomes) == {0: "sent", 1: "sent"}
    assert there.arrived[0].recipients == ["pelé@x.test", "good@x.test"]
    assert "SMTPUTF8" in there.arrived[0].options


def test_only_addresses_beyond_ascii_fail_when_smtputf8_is_not_offered(connect: Connect) -> None:
    with peer(pipelining=True, smtputf8=False) as there:
        connection = connect(there.port)
        outcomes = connection.deliver(envelope("pelé@x.test", "good@x.test"), HELLO, Begun())
        assert statuses(outcomes) == {0: "failed", 1: "sent"}
        assert "SMTPUTF8" in replies(outcomes)[0]
        assert statuses(connection.deliver(envelope("pelé@x.test"), HELLO, Begun())) == {0: "failed"}
    assert [message.recipients for message in there.arrived] == [["good@x.test"]]


def test_everybody_fails_when_headers_need_smtputf8_and_it_is_not_offered(connect: Connect) -> None:
    message = "To: pelé@x.test\r\n\r\nHi\r\n".encode()
    with peer(smtputf8=False) as there:
        outcomes = connect(there.port).deliver(
            envelope("pelé@x.test", "good@x.test"), whole(message), Begun()
        )
    assert statuses(outcomes) == {0: "failed", 1: "failed"}
    assert there.arrived == []


@pytest.mark.parametrize("wicked", ["a@x.test>\r\nRCPT TO:<b@x.test", "a@x.test> SIZE=1", "a\0@x.test"])
def test_an_address_fails_alone_when_it_would_break_out_of_its_command(wicked: str, connect: Connect) -> None:
    with peer(pipelining=True) as there:
        connection = connect(there.port)
        assert statuses(connection.deliver(envelope(wicked, "good@x.test"), HELLO, Begun())) == {
            0: "failed",
            1: "sent",
        }
        refused = connection.deliver(envelope("good@x.test", sender=wicked), HELLO, Begun())
        assert statuses(refused) == {0: "failed"}
    assert [message.recipients for message in there.arrived] == [["good@x.test"]]
    assert there.commands["RCPT"] == 1


def test_what_stops_a_delivery_before_its_body_passes_through_and_ends_the_connection(
    connect: Connect,
) -> None:
    def stop() -> None:
        raise KeyError("time is up")

    with peer(pipelining=True) as there:
        connection = connect(there.port)
        with pytest.raises(KeyError, match="time is up"):
            connection.deliver(envelope("good@x.test"), HELLO, stop)
        assert not connection.usable
    assert there.arrived == []


def test_replies_are_readable_when_a_relay_speaks_in_many_lines(connect: Connect) -> None:
    with peer(pipelining=True, says={"dot": "554-5.7.1 first\r\n554-second\r\n554 \x1b[31mthird"}) as there:
        outcomes = connect(there.port).deliver(envelope("good@x.test"), HELLO, Begun())
    assert outcomes[0].reply == Reply(554, "5.7.1 first second ?[31mthird")
