"""Messages in windows, to relays that offer CHUNKING: each has its outcome, whatever breaks in between."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.ports import HOST
from services.sender import windows
from services.sender.outcomes import Outcome
from services.sender.relay_pool import RelayPool
from services.sender.smtp import RelayTrouble
from services.sender.transaction import Envelope, Item
from tests.fixtures.postfix import Postfix
from tests.fixtures.smtp_client import SENDER, Burst, MakePool, numbered
from tests.fixtures.smtp_peers import HANG_UP, Peer, make_certificate, peer
from tests.fixtures.waiting import wait_for


@pytest.fixture
def there() -> Iterator[Peer]:
    """A relay that offers both."""
    with peer(pipelining=True, chunking=True) as made:
        yield made


@pytest.fixture
def pool(there: Peer, make_pool: MakePool) -> RelayPool:
    """Over that relay, whose pace is known: the next window is as long as windows get."""
    made: RelayPool = make_pool(there.port)
    Burst("first@x.test").go(made)
    there.arrived.clear()
    there.commands.clear()
    return made


def readers(count: int) -> Burst:
    return Burst(*(f"r{number}@x.test" for number in range(count)))


def test_all_arrive_in_order_over_one_connection(there: Peer, pool: RelayPool) -> None:
    burst = readers(50).go(pool)
    assert burst.statuses == ["sent"] * 50
    assert [item.content for item in there.arrived] == [numbered(number) for number in range(50)]
    assert [item.recipients for item in there.arrived] == [[address] for address in burst.addresses]
    assert there.connections == 1
    assert (there.commands["DATA"], there.commands["BDAT"]) == (0, 50)


def test_encrypted_they_travel_in_windows_too(make_pool: MakePool, tmp_path: Path) -> None:
    long = [numbered(number) + b"x" * 900 + b"\r\n" for number in range(20)]

    def items() -> Iterator[Item]:
        for number, message in enumerate(long):
            yield Item(Envelope(SENDER, ((number, "r@x.test"),)), message)

    context = make_certificate(tmp_path).server_context()
    ended: dict[int, str] = {}
    with peer(tls=context, pipelining=True, chunking=True) as there:
        pool = make_pool(there.port)
        pool.burst(items, lambda _: None, lambda _, envelope, outcomes: ended.update({outcomes[0][:2]}))
        assert ended == dict.fromkeys(range(20), "sent")
        assert [item.content for item in there.arrived] == long
        assert all(item.encrypted for item in there.arrived)
        assert there.commands["BDAT"] == 20


def test_so_many_are_in_the_relays_hands_at_once(there: Peer, pool: RelayPool) -> None:
    burst = readers(windows.MOST + 2)
    there.gate.clear()
    sending = threading.Thread(target=burst.go, args=[pool])
    sending.start()
    wait_for(lambda: there.arrived, "the first message")
    assert len(burst.begun) == windows.MOST
    assert not burst.ended
    there.gate.set()
    sending.join(10)
    assert burst.statuses == ["sent"] * (windows.MOST + 2)


def test_a_new_connection_and_a_slow_relay_have_one_at_a_time(
    there: Peer, make_pool: MakePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "_SECONDS", 0.0)
    burst, most = readers(5), 0

    def begin(envelope: Envelope) -> None:
        nonlocal most
        burst.begin(envelope)
        most = max(most, len(burst.begun) - len(burst.ended))

    make_pool(there.port).burst(burst.items, begin, burst.end)
    assert burst.statuses == ["sent"] * 5
    assert most == 1


def test_large_messages_do_not_wait_for_each_other(there: Peer, pool: RelayPool) -> None:
    begun: list[int] = []
    ended: list[int] = []

    def items() -> Iterator[Item]:
        for number in range(4):
            yield Item(
                Envelope(SENDER, ((number, f"r{number}@x.test"),)), b"x: y\r\n\r\n" + b"z\r\n" * 100_000
            )

    def begin(envelope: Envelope) -> None:
        begun.append(envelope.positions[0])
        assert len(begun) - len(ended) == 1

    pool.burst(items, begin, lambda _, envelope, outcomes: ended.append(envelope.positions[0]))
    assert ended == [0, 1, 2, 3]


def test_who_is_refused_does_not_disturb_the_others(there: Peer, pool: RelayPool) -> None:
    there.says = {"gone@x.test": "550 5.1.1 No such user", "later@x.test": "451 4.2.1 Later"}
    burst = Burst("a@x.test", "gone@x.test", "b@x.test", "later@x.test", "c@x.test").go(pool)
    assert burst.statuses == ["sent", "bounced", "sent", "deferred", "sent"]
    assert burst.ended["gone@x.test"].suppression == "hard_bounce"
    assert len(there.arrived) == 3


@pytest.mark.parametrize(
    ("stage", "said", "status"),
    [
        ("MAIL", "451 4.3.0 Later", "deferred"),
        ("MAIL", "550 5.7.1 Not from there", "failed"),
        ("dot", "554 5.7.1 Refused", "bounced"),
        ("dot", "452 4.3.1 Full", "deferred"),
    ],
)
def test_a_refused_message_does_not_disturb_the_others(
    stage: str, said: str, status: str, there: Peer, pool: RelayPool
) -> None:
    there.once[stage] = said
    burst = readers(3).go(pool)
    assert burst.statuses == [status, "sent", "sent"]
    assert str(burst.ended["r0@x.test"].reply) == said


def test_lost_replies_are_unknown_and_what_follows_was_not_begun(there: Peer, pool: RelayPool) -> None:
    there.says["r2@x.test"] = HANG_UP
    burst = readers(windows.MOST + 2)
    with pytest.raises(RelayTrouble):
        burst.go(pool)
    unanswered = windows.MOST - 2
    assert burst.statuses == ["sent", "sent", *["unknown"] * unanswered, None, None]
    assert len(burst.begun) == windows.MOST
    assert "lost before the reply" in str(burst.ended["r2@x.test"].reply)


@pytest.mark.parametrize(("stage", "first"), [("MAIL", None), ("dot", "deferred")])
def test_a_relay_that_takes_its_leave_has_nothing_more(
    stage: str, first: str | None, there: Peer, pool: RelayPool
) -> None:
    there.once[stage] = "421 4.3.2 Shutting down"
    burst = readers(3)
    with pytest.raises(RelayTrouble, match="421"):
        burst.go(pool)
    assert burst.statuses == [first, None, None]


def test_out_of_order_is_no_verdict_and_the_others_go_on(there: Peer, pool: RelayPool) -> None:
    there.once["MAIL"] = "503 5.5.1 Nested MAIL"
    burst = readers(3)
    with pytest.raises(RelayTrouble, match="503"):
        burst.go(pool)
    assert burst.statuses == [None, "sent", "sent"]


def test_a_relay_that_does_not_know_bdat_after_all_has_nothing(there: Peer, make_pool: MakePool) -> None:
    there.says["BDAT"] = "502 5.5.1 What is that"
    burst = readers(3)
    with pytest.raises(RelayTrouble, match="BDAT was answered with 502"):
        burst.go(make_pool(there.port))
    assert burst.statuses == [None, None, None]
    assert len(burst.begun) == 1


def test_what_stops_a_hand_over_stops_its_whole_window(there: Peer, pool: RelayPool) -> None:
    class Stopped(Exception):
        pass

    burst = readers(3)

    def begin(envelope: Envelope) -> None:
        burst.begin(envelope)
        if len(burst.begun) == 2:
            raise Stopped

    with pytest.raises(Stopped):
        pool.burst(burst.items, begin, burst.end)
    assert burst.statuses == [None, None, None]
    assert not there.arrived


def test_what_goes_wrong_while_the_next_are_made_leaves_no_message_unknown(
    there: Peer, pool: RelayPool
) -> None:
    burst = readers(windows.MOST + 1)

    def items() -> Iterator[Item]:
        yield from burst.items()
        raise KeyError("a fault of ours")

    with pytest.raises(KeyError):
        pool.burst(items, burst.begin, burst.end)
    assert burst.statuses == [*["sent"] * windows.MOST, None]


def test_what_was_not_sent_whole_was_not_handed_over(make_pool: MakePool) -> None:
    huge = numbered(2) + b"x\r\n" * 8_000_000
    with socket.create_server((HOST, 0)) as server:
        relay = threading.Thread(target=_reads_a_little, args=[server])
        relay.start()
        ended: dict[int, str] = {}

        def items() -> Iterator[Item]:
            for number, message in enumerate([numbered(0), numbered(1), huge]):
                yield Item(Envelope(SENDER, ((number, "r@x.test"),)), message)

        with pytest.raises(RelayTrouble):
            make_pool(server.getsockname()[1]).burst(
                items, lambda _: None, lambda _, envelope, outcomes: ended.update({outcomes[0][:2]})
            )
        relay.join(10)
    assert ended == {0: "sent", 1: "unknown"}


def _reads_a_little(server: socket.socket) -> None:
    """A relay that takes one message and begins to read the next ones, and is gone."""
    connection, _ = server.accept()
    with connection, connection.makefile("rb") as heard:
        connection.sendall(b"220 relay.test ESMTP\r\n")
        heard.readline()
        connection.sendall(b"250-relay.test\r\n250-PIPELINING\r\n250 CHUNKING\r\n")
        for _ in range(3):
            heard.readline()
        heard.read(int(heard.readline().split()[1]))
        connection.sendall(b"250 2.0.0 OK\r\n" * 4)
        heard.readline()


@pytest.mark.parametrize(
    ("offers", "options"),
    [({"pipelining": True}, ""), ({"pipelining": True, "chunking": True}, "?chunking=no")],
)
def test_without_chunking_they_go_one_by_one(
    offers: dict[str, bool], options: str, make_pool: MakePool
) -> None:
    with peer(**offers) as there:
        burst = readers(10).go(make_pool(there.port, options=options))
        assert burst.statuses == ["sent"] * 10
        assert (there.commands["DATA"], there.commands["BDAT"]) == (10, 0)


def test_postfix_takes_them_and_says_of_each_what_it_thinks(postfix: Postfix, make_pool: MakePool) -> None:
    pool = make_pool(postfix.port)
    odd = {
        7: "refused@example.com",
        8: "later@example.com",
        9: "refused@example.com",
        30: "later@example.com",
    }
    addresses = [odd.get(number, f"window{number}@example.com") for number in range(40)]
    statuses: dict[int, str] = {}

    def items() -> Iterator[Item]:
        for number, address in enumerate(addresses):
            sender = "unwelcome@sender.test" if number == 20 else SENDER
            message = numbered(number) + (b"x" * 900 + b"\r\n") * (3_000 if number == 25 else 1)
            yield Item(Envelope(sender, ((number, address),)), message)

    def end(_: str, envelope: Envelope, outcomes: list[Outcome]) -> None:
        (outcome,) = outcomes
        statuses[outcome.position] = outcome.status
        assert not str(outcome.reply).startswith("503"), outcome

    assert pool.burst(items, lambda _: None, end)
    strange = {7: "bounced", 8: "deferred", 9: "bounced", 20: "failed", 25: "failed", 30: "deferred"}
    assert statuses == {number: strange.get(number, "sent") for number in range(40)}
    good = [number for number in range(40) if number not in strange]

    def arrived() -> list[int]:
        raws = postfix.delivered()
        return [number for number in good if sum(_body(number) in raw for raw in raws) == 1]

    wait_for(lambda: arrived() == good, "each to come out of Postfix once, whole")


def _body(number: int) -> bytes:
    """What comes out of Postfix behind the headers, to which it adds its own; lines end in LF."""
    return numbered(number).partition(b"\r\n\r\n")[2].replace(b"\r\n", b"\n")
