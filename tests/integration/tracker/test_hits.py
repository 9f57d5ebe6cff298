"""What readers' mail programs call, through the edge of the running cluster down to the rows it leads to."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
import requests

from services.tracker.hits import CLICK, OPEN, Hit
from services.tracker.record import record
from shared.ids import id_floor, new_id
from tests.fixtures.api import Client
from tests.fixtures.database import Database
from tests.fixtures.mailbox import BROWSER, Letter, counts, delivered_long_ago, events, receive
from tests.fixtures.relay import Relay
from tests.fixtures.waiting import wait_for

PAGE = (
    '<p><a href="https://shop.example/a?x=1&amp;y=%C3%A9#top">a</a> <a href="https://shop.example/b">b</a> '
    '<a href="https://shop.example/c">c</a> <a href="{{unsubscribe_url}}">out</a></p>'
)
TARGETS = ["https://shop.example/a?x=1&y=%C3%A9#top", "https://shop.example/b", "https://shop.example/c"]


@pytest.fixture
def letter(api: Client, relay: Relay, database: Database) -> Letter:
    """An email that was delivered an hour ago."""
    received = receive(api, relay, PAGE, variables={})
    delivered_long_ago(database, received)
    return received


@pytest.fixture
def told(database: Database, letter: Letter) -> Callable[[str, int], list[dict[str, Any]]]:
    """Waits until there are so many events of a kind, and says what they tell."""

    def wait(kind: str, how_many: int) -> list[dict[str, Any]]:
        wait_for(lambda: len(events(database, letter, kind)) >= how_many, f"{how_many} {kind}")
        return events(database, letter, kind)

    return wait


Told = Callable[[str, int], list[dict[str, Any]]]


def test_pixel_is_a_gif_that_nobody_keeps(letter: Letter, told: Told, database: Database) -> None:
    (path,) = letter.opens
    answer = letter.get(path)
    assert (answer.status_code, len(answer.content)) == (200, 43)
    assert answer.content.startswith(b"GIF89a")
    assert answer.headers["Content-Type"] == "image/gif"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers
    (opened,) = told("email.opened", 1)
    assert opened == {"machine": False, "reasons": [], "user_agent": BROWSER, "ip": "127.0.0.0"}
    row = counts(database, letter)
    assert (row["opens"], row["machine_opens"], row["clicks"]) == (1, 0, 0)
    assert row["opened_at"] is not None
    assert (row["machine_opened_at"], row["clicked_at"]) == (None, None)


def test_links_lead_where_they_led(letter: Letter, told: Told, database: Database) -> None:
    for path, target in zip(letter.clicks, TARGETS, strict=True):
        answer = letter.get(path)
        assert (answer.status_code, answer.headers["Location"], answer.content) == (302, target, b"")
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
    clicked = told("email.clicked", 3)
    assert [(item["link"], item["url"]) for item in clicked] == list(enumerate(TARGETS))


def test_many_links_at_once_turn_out_to_be_a_machines_whenever_they_are_told(
    letter: Letter, told: Told, database: Database
) -> None:
    for path in letter.clicks[:2]:
        letter.get(path)
    assert [item["machine"] for item in told("email.clicked", 2)] == [False, False]
    first = counts(database, letter)
    assert (first["clicks"], first["machine_clicks"]) == (2, 0)
    ((moment,),) = database.all(
        "SELECT max(occurred_at) FROM events WHERE email_id = :id AND type = 'email.clicked'", id=letter.id
    )
    assert write(database, _click(letter, 2, moment)) == 1
    assert [item["reasons"] for item in told("email.clicked", 3)] == [["many_links_at_once"]] * 3
    row = counts(database, letter)
    assert (row["clicks"], row["machine_clicks"], row["clicked_at"]) == (0, 3, None)
    assert row["machine_clicked_at"] == first["clicked_at"]


def test_head_requests_are_answered_alike_and_are_a_machines(
    letter: Letter, told: Told, database: Database
) -> None:
    pixel, link = letter.get(letter.opens[0], method="HEAD"), letter.get(letter.clicks[0], method="HEAD")
    assert (pixel.status_code, pixel.headers["Content-Length"], pixel.content) == (200, "43", b"")
    assert (link.status_code, link.headers["Location"]) == (302, TARGETS[0])
    assert told("email.opened", 1)[0]["reasons"] == ["head_request"]
    assert told("email.clicked", 1)[0]["reasons"] == ["head_request"]
    row = counts(database, letter)
    assert (row["opens"], row["machine_opens"], row["clicks"], row["machine_clicks"]) == (0, 1, 0, 1)


def test_hits_within_seconds_of_the_delivery_are_a_machines(
    letter: Letter, told: Told, database: Database
) -> None:
    delivered_long_ago(database, letter, 0.0)
    letter.get(letter.clicks[0])
    assert told("email.clicked", 1)[0]["reasons"] == ["seconds_after_delivery"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_other_methods_do_nothing(letter: Letter, method: str) -> None:
    for path in (letter.opens[0], letter.clicks[0]):
        answer = letter.get(path, method=method)
        assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")


def test_damaged_links_are_a_page_and_never_a_redirect(letter: Letter) -> None:
    (path,) = letter.clicks[:1]
    token = path.rpartition("/")[2]
    for wrong in (token[:-1], token[:-4], "", "x", f"{token}x", token.swapcase(), f"{token}/"):
        answer = letter.get(f"/api/t/c/{wrong}?url=https://evil.example/")
        assert answer.status_code == 404
        assert "Location" not in answer.headers
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert letter.get(f"{path}?url=https://evil.example/").headers["Location"] == TARGETS[0]
    german = letter.get("/api/t/c/x", **{"Accept-Language": "de"})
    assert '<html lang="de">' in german.text
    assert letter.get(path.replace("/c/", "/o/")).status_code == 200
    assert letter.get(letter.opens[0].replace("/o/", "/c/")).status_code == 404


def test_pixel_of_a_made_up_token_is_a_pixel(api: Client) -> None:
    answer = requests.get(f"{api.url}/api/t/o/made-up", timeout=10)
    assert (answer.status_code, len(answer.content)) == (200, 43)


def test_a_hit_that_is_told_again_counts_once(letter: Letter, database: Database) -> None:
    opened = Hit(new_id(), OPEN, uuid.UUID(letter.id), 0, "GET", BROWSER, "x")
    of_nobody = Hit(new_id(), OPEN, new_id(), 0, "GET", "", "")
    hits = [_click(letter, 0), _click(letter, 0), opened]
    assert [write(database, *hits) for _ in range(3)] == [3, 0, 0]
    assert write(database, *hits, hits[0], of_nobody) == 0
    row = counts(database, letter)
    assert (row["clicks"], row["opens"]) == (2, 1)
    assert len(events(database, letter, "email.clicked")) == 2
    assert row["clicked_at"] == hits[0].occurred_at


def test_a_message_to_several_says_that_somebody_opened_it(
    api: Client, relay: Relay, database: Database
) -> None:
    letter = receive(api, relay, PAGE, cc=["grace@example.com"], variables={})
    assert letter.get(letter.opens[0]).status_code == 200
    wait_for(lambda: events(database, letter, "email.opened"), "the open")
    ((position,),) = database.all(
        "SELECT position FROM events WHERE email_id = :id AND type = 'email.opened'", id=letter.id
    )
    assert position is None
    assert counts(database, letter)["opens"] == 0


def write(database: Database, *hits: Hit) -> int:
    """What the event writer does with these; how many were new."""
    with database.engine.begin() as connection:
        return record(connection, hits)


def _click(letter: Letter, index: int, moment: datetime | None = None) -> Hit:
    id = new_id()
    if moment is not None:
        id = uuid.UUID(int=id_floor(moment).int | (id.int & ((1 << 80) - 1)))
    email_id, target = uuid.UUID(letter.id), TARGETS[index]
    return Hit(id, CLICK, email_id, 0, "GET", BROWSER, "192.0.2.1", index=index, target=target)
