"""Relay URLs, outcomes of replies, back-off and journals."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest

from services.sender.backoff import retry_delay
from services.sender.jobs import Attempt
from services.sender.journal import Journal, adopt
from services.sender.outcomes import Outcome, Reply, judge_data, judge_recipient, judge_sender
from services.sender.relays import parse_relay
from shared import states

ONE, TWO, THREE = (str(UUID(int=number)) for number in (1, 2, 3))


def test_relay_url_with_login_requires_tls() -> None:
    relay = parse_relay("smtp://user:p%40ss@relay.example:587")
    assert (relay.tls, relay.verify, relay.username, relay.password) == ("required", True, "user", "p@ss")


def test_relay_url_defaults() -> None:
    plain, implicit = parse_relay("smtp://relay.example"), parse_relay("smtps://relay.example")
    assert (plain.port, plain.tls, plain.verify) == (25, "opportunistic", False)
    assert (implicit.port, implicit.tls, implicit.verify) == (465, "implicit", True)
    assert plain.chunking
    assert not parse_relay("smtp://relay.example?chunking=no").chunking


@pytest.mark.parametrize(
    "url",
    ["relay.example:25", "http://relay.example", "smtp://", "smtp://h?starttls=maybe", "smtp://h?tls=1"],
)
def test_relay_url_that_makes_no_sense_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="relay"):
        parse_relay(url)


@pytest.mark.parametrize(
    ("code", "sender", "recipient", "data"),
    [
        (250, None, None, states.SENT),
        (421, states.DEFERRED, states.DEFERRED, states.DEFERRED),
        (451, states.DEFERRED, states.DEFERRED, states.DEFERRED),
        (550, states.FAILED, states.BOUNCED, states.BOUNCED),
        (554, states.FAILED, states.BOUNCED, states.BOUNCED),
    ],
)
def test_replies_are_judged_by_code_and_stage(
    code: int, sender: str | None, recipient: str | None, data: str
) -> None:
    reply = Reply(code, "text")
    if sender is not None:
        assert judge_sender(reply) == sender
    assert judge_recipient(reply) == recipient
    assert judge_data(reply) == data


def test_reply_text_is_cleaned_and_bounded() -> None:
    reply = Reply.from_wire(550, b"5.1.1 no\nsuch\tuser \x1b[31m\xff" + b"x" * 5000)
    assert reply.text.startswith("5.1.1 no such user ?[31m")
    assert len(reply.text) == 1000


def test_retry_delay_doubles_to_its_cap_with_bounded_jitter() -> None:
    for attempt, expected in ((1, 15), (2, 30), (5, 240), (50, 3600)):
        delays = [retry_delay(attempt, base=15, cap=3600) for _ in range(50)]
        assert min(delays) >= expected * 0.75
        assert max(delays) <= expected * 1.25
        assert len(set(delays)) > 1


def test_journal_of_a_dead_sender_tells_finished_in_flight_and_untouched_apart(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.begin([(ONE, 1), (TWO, 4), (THREE, 1)])
    done = Attempt(
        ONE, 1, "relay:25", [Outcome(0, states.SENT, Reply(250, "ok")), Outcome(1, states.SENT, None)]
    )
    journal.started(ONE)
    journal.finished(done)
    journal.started(TWO)
    assert list(adopt(tmp_path)) == [], "the owner still lives"
    journal.abandon()
    (remains,) = adopt(tmp_path)
    assert remains.finished == {ONE: done}
    assert remains.in_flight == [(TWO, 4)]
    assert remains.untouched == [(THREE, 1)]
    assert list(adopt(tmp_path)) == [], "read once"


def test_journal_cut_off_in_the_middle_of_a_line_is_read_up_to_there(tmp_path: Path) -> None:
    path = tmp_path / f"{ONE}.journal"  # as they were written before there were NULs
    path.write_text(f'{{"claimed":[["{ONE}",1],["{TWO}",1]]}}\n{{"started":"{ONE}"}}\n{{"started":"0000')
    (remains,) = adopt(tmp_path)
    assert remains.in_flight == [(ONE, 1)]
    assert remains.untouched == [(TWO, 1)]


def test_journal_with_another_chunks_lines_is_read_for_its_own(tmp_path: Path) -> None:
    path = tmp_path / f"{ONE}.journal"  # what a power cut can leave of a file that is written over
    stale = f'{{"finished":"{THREE}","relay":"x","outcomes":[]}}\nn":1}}\n{{"started":"{TWO}"}}\n'
    path.write_text(f'{{"claimed":[["{ONE}",1],["{TWO}",1]]}}\n{{"started":"{ONE}"}}\n{stale}')
    (remains,) = adopt(tmp_path)
    assert remains.finished == {}
    assert remains.in_flight == [(ONE, 1)]
    assert remains.untouched == [(TWO, 1)]


def test_journal_begins_anew_with_each_chunk_and_grows_as_it_needs(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.begin([(ONE, 1), (TWO, 1)])
    journal.started(ONE)
    journal.clear()
    journal.begin([(TWO, 2), (THREE, 1)])
    long = Reply(250, "x" * 1000)
    done = Attempt(TWO, 2, "relay:25", [Outcome(at, states.SENT, long) for at in range(200)])
    journal.finished(done)
    journal.started(THREE)
    journal.abandon()
    (remains,) = adopt(tmp_path)
    assert remains.claimed == {TWO: 2, THREE: 1}
    assert remains.finished == {TWO: done}
    assert remains.in_flight == [(THREE, 1)]


def test_cleared_journal_says_nothing_and_goes_with_its_owner(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.begin([(ONE, 1)])
    journal.clear()
    assert len(list(tmp_path.iterdir())) == 1, "kept for the next chunk"
    journal.abandon()
    assert list(adopt(tmp_path)) == []
    assert list(tmp_path.iterdir()) == []
