"""The agent's parts: lines of Postfix, queue ids, and files that are rotated under the reader."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.webhooks.agent_state import Event, State
from services.webhooks.log_sources import LogFile
from services.webhooks.postfix_log import Expired, Named, Removed, Result, moment, parse

NOW = datetime(2026, 11, 27, 4, 0, 0, tzinfo=UTC)
HEAD = "Nov 27 03:59:00 mx postfix"
ID = "4gQ7b45Vz1z9rxL"
MESSAGE_ID = "<01a21b2d-d317-772b-9493-86dae88dfb2d@example.com>"
NAMED = f"{HEAD}/cleanup[7]: {ID}: message-id={MESSAGE_ID}"
REMOVED = f"{HEAD}/qmgr[3]: {ID}: removed"


def result(
    status: str, to: str = "ada@example.net", reply: str = "250 2.0.0 Ok: queued", dsn: str = "2.0.0"
) -> str:
    return (
        f"{HEAD}/smtp[9]: {ID}: to=<{to}>, relay=mx.example.net[192.0.2.1]:25, delay=0.31, "
        f"delays=0.01/0/0.2/0.1, dsn={dsn}, status={status} ({reply})"
    )


EXPIRED = f"{HEAD}/qmgr[3]: {ID}: from=<hello@example.com>, status=expired, returned to sender"


def test_result_is_read_with_all_its_parts() -> None:
    entry = parse(result("bounced", reply="host mx said: 550 5.1.1 (no) such user", dsn="5.1.1"), NOW)
    assert entry == Result(
        ID,
        datetime(2026, 11, 27, 3, 59, tzinfo=UTC),
        "ada@example.net",
        "bounced",
        "5.1.1",
        "mx.example.net[192.0.2.1]:25",
        "host mx said: 550 5.1.1 (no) such user",
        0.31,
        (0.01, 0.0, 0.2, 0.1),
    )


@pytest.mark.parametrize(
    "line",
    [
        "2026-11-27T03:59:00.123456+00:00 mx postfix/smtp[9]: 3F1A2B3C4D: to=<a@b.c>, relay=none, delay=1, "
        "delays=1/0/0/0, dsn=4.4.1, status=deferred (connect to b.c[192.0.2.1]:25: Connection timed out)",
        "Nov 27 03:59:00 mx postfix-out/smtp[9]: 3F1A2B3C4D: to=<a@b.c>, orig_to=<a@b.c>, relay=x[::1]:25, "
        "conn_use=2, delay=1, delays=1/0/0/0, dsn=4.4.1, status=deferred (later)",
        "Nov 27 03:59:00 mx postfix/error[9]: 3F1A2B3C4D: to=<a@b.c>, relay=none, delay=1, "
        "delays=1/0/0/0, dsn=4.4.1, status=deferred (delivery temporarily suspended)",
    ],
)
def test_result_is_read_in_each_form_that_postfix_writes(line: str) -> None:
    entry = parse(line, NOW)
    assert isinstance(entry, Result)
    assert (entry.status, entry.recipient) == ("deferred", "a@b.c")


def test_other_lines_say_what_they_say_or_nothing() -> None:
    assert parse(NAMED, NOW) == Named(ID, MESSAGE_ID)
    assert parse(REMOVED, NOW) == Removed(ID)
    assert isinstance(parse(EXPIRED, NOW), Expired)
    for line in (
        "",
        "garbage",
        f"{HEAD}/smtpd[1]: connect from unknown[192.0.2.9]",
        f"{HEAD}/qmgr[3]: {ID}: from=<hello@example.com>, size=812, nrcpt=1 (queue active)",
        f"{HEAD}/smtpd[1]: {ID}: client=unknown[192.0.2.9]",
        f"{HEAD}/pickup[1]: {ID}: to=<a@b.c>, relay=none, delay=1, delays=1/0/0/0, dsn=2.0.0, "
        "status=sent (x)",
    ):
        assert parse(line, NOW) is None


def test_year_of_a_stamp_is_the_last_that_is_not_in_the_future() -> None:
    january = datetime(2027, 1, 1, 0, 5, tzinfo=UTC)
    assert moment("Dec 31 23:59:59", january).year == 2026
    assert moment("Jan  1 00:04:00", january).year == 2027
    assert moment("Feb 29 12:00:00", january) == datetime(2024, 2, 29, 12, tzinfo=UTC)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    made = State(tmp_path / "state.sqlite")
    yield made
    made.close()


def take(state: State, *lines: str) -> list[Event]:
    return [event for line in lines if (entry := parse(line, NOW)) for event in state.take(entry)]


def test_queue_id_leads_to_the_message_and_each_recipient_has_its_event(state: State) -> None:
    events = take(
        state,
        NAMED,
        result("sent"),
        result("deferred", "bob@example.net", "451 4.7.1 later", "4.7.1"),
        result("bounced", "cy@example.net", "550 5.1.1 no", "5.1.1"),
        EXPIRED,
        REMOVED,
        result("sent", "late@example.net"),
    )
    assert [(event["event"], event["recipient"]) for event in events] == [
        ("delivered", "ada@example.net"),
        ("deferred", "bob@example.net"),
        ("bounce", "cy@example.net"),
        ("expired", "bob@example.net"),
    ]
    assert {event["message_id"] for event in events} == {MESSAGE_ID}
    assert events[-1]["reason"] == "451 4.7.1 later"


def test_what_was_not_kept_is_said_again_in_the_same_words(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    before = State(path)
    take(before, NAMED)
    before.keep("1")
    said = take(before, result("deferred", reply="451 later", dsn="4.0.0"), EXPIRED)
    before.close()  # killed before it could keep
    after = State(path)
    assert after.position == "1"
    assert take(after, result("deferred", reply="451 later", dsn="4.0.0"), EXPIRED) == said
    after.close()


def read(source: LogFile, lines: int) -> tuple[list[str], str]:
    """So many lines, however many batches they take, and the position behind them."""
    found: list[str] = []
    while True:
        for batch, position in source.batches():
            found += batch
            if len(found) >= lines:
                return found, position


def test_file_is_followed_through_renaming_and_cutting(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    path = tmp_path / "mail.log"
    path.write_text("one\ntwo\nthr")
    source = LogFile(path, None)
    request.addfinalizer(source.close)
    assert read(source, 2)[0] == ["one", "two"]
    with path.open("a") as old:
        old.write("ee\n")
        path.rename(tmp_path / "mail.log.1")
        path.write_text("five\n")
        old.write("four\n")  # its writer has not noticed yet
    assert read(source, 3)[0] == ["three", "four", "five"]
    path.write_text("")
    batches = source.batches()
    next(batches)
    path.write_text("six\n")
    assert next(lines for lines, _ in batches if lines) == ["six"]


def test_reader_that_was_away_goes_on_in_the_renamed_files(tmp_path: Path) -> None:
    path = tmp_path / "mail.log"
    path.write_text("one\ntwo\n")
    with closing(LogFile(path, None)) as source:
        _, position = read(source, 2)
    with path.open("a") as log:
        log.write("three\n")
    path.rename(tmp_path / "mail.log.2")
    path.write_text("four\n")
    path.rename(tmp_path / "mail.log.1")
    path.write_text("five\n")
    with closing(LogFile(path, position)) as source:
        assert read(source, 3)[0] == ["three", "four", "five"]


def test_position_of_a_file_that_is_gone_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "mail.log"
    path.write_text("one\n")
    with closing(LogFile(path, "1-2:700")) as source:
        assert read(source, 1)[0] == ["one"]
