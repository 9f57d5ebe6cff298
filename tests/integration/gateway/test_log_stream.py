"""The log live: what happens to emails, filtered, through the edge; and on where a connection broke."""

from __future__ import annotations

import json
import uuid
from itertools import islice
from typing import Any

import pytest

from shared.event_feed import BEGINNING, Position
from tests.fixtures.api import Client, new_client
from tests.fixtures.cluster import Cluster
from tests.fixtures.sse import Told, listen

_PATH = "/api/logs/stream"
#: What happens to an email that the relay takes.
_USUAL = ["email.accepted", "email.sent"]


@pytest.fixture(scope="module")
def api(running: Cluster) -> Client:
    """A tenant of its own."""
    return new_client(running)


def take(stream: Told, how_many: int) -> list[dict[str, Any]]:
    """The next events: their data, with the position as `at`."""
    return [{**json.loads(told["data"]), "at": told["id"]} for told in islice(stream, how_many)]


def types(told: list[dict[str, Any]], email_id: str) -> list[str]:
    return [item["type"] for item in told if item["data"]["email_id"] == email_id]


def test_what_happens_is_told_as_it_happens_and_to_its_account_alone(api: Client, running: Cluster) -> None:
    stranger = new_client(running)
    mine, theirs = listen(api, _PATH), listen(stranger, _PATH)
    ids = [api.send()["id"] for _ in range(3)]
    other = stranger.send(to="refused@x.example.com")["id"]
    told = take(mine, 6)
    assert [types(told, id) for id in ids] == [_USUAL] * 3
    assert types(take(theirs, 2), other) == ["email.accepted", "email.bounced"]
    sent = next(item for item in told if item["type"] == "email.sent")
    assert sent["data"]["reply"].startswith("250")
    feed = api.get("/api/events", params={"limit": 500}).json()["data"]
    assert {item["id"] for item in told} <= {item["id"] for item in feed}


def test_a_client_that_comes_back_goes_on_where_it_was(api: Client) -> None:
    stream = listen(api, _PATH)
    first = api.send()["id"]
    (heard,) = take(stream, 1)
    stream.close()
    meanwhile = [api.send()["id"] for _ in range(3)]
    api.wait_for_status(meanwhile[-1], "sent")
    told = take(listen(api, _PATH, heard["at"]), 7)
    assert types([heard, *told], first) == _USUAL
    assert [types(told, id) for id in meanwhile] == [_USUAL] * 3
    assert take(listen(api, _PATH, after=heard["at"]), 1) == told[:1]


def test_filters_are_those_of_the_log(api: Client) -> None:
    name = uuid.uuid4().hex
    asked = [
        {"search": name[:20].upper()},
        {"search": f"re: {name}"},
        {"tag": name[:8], "event": "accepted"},
        {"event": "bounced"},
        {"domain": api.domain.upper(), "event": "bounced"},
    ]
    streams = [listen(api, _PATH, **query) for query in asked]
    api.send()
    named = api.send(to=f"{name}@example.com", subject=f"Re: {name}", tags=[name[:8]])["id"]
    refused = api.send(to="refused@x.example.com", subject="no")["id"]
    assert types(take(streams[0], 2), named) == _USUAL
    assert types(take(streams[1], 2), named) == _USUAL
    assert types(take(streams[2], 1), named) == ["email.accepted"]
    assert types(take(streams[3], 1), refused) == ["email.bounced"]
    assert types(take(streams[4], 1), refused) == ["email.bounced"]


def test_several_recipients_of_one_event_are_told_each(api: Client) -> None:
    stream = listen(api, _PATH, event="accepted")
    sent = api.send(to=["a@example.com", "b@example.com"])["id"]
    told = list(islice(stream, 2))
    data = [json.loads(item["data"])["data"] for item in told]
    assert [(item["email_id"], item["recipient"]) for item in data] == [
        (sent, "a@example.com"),
        (sent, "b@example.com"),
    ]
    # whoever hears only the first is told of both anew
    assert ["id" in item for item in told] == [False, True]


def test_signs_of_life_carry_the_position(api: Client) -> None:
    response = api.get(_PATH, params={"event": "complained"}, stream=True)
    with response:
        lines = (line for line in response.iter_lines(chunk_size=1, decode_unicode=True) if line)
        assert next(lines).startswith("retry: ")
        assert next(lines) == ": still here"
        name, _, at = next(lines).partition(": ")
        assert name == "id"
        assert Position.parse(at) > BEGINNING


@pytest.mark.parametrize("header", ["x", "1-zz", "1-" + "f" * 31 + "e", "-" + "0" * 32])
def test_a_made_up_position_is_refused(api: Client, header: str) -> None:
    answer = api.get(_PATH, headers={"Last-Event-ID": header})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/Last-Event-ID")
    assert api.get("/api/events", params={"after": header}).status_code == 422
