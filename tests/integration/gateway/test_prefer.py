"""Prefer: wait=N: the relay's word in the answer to the send itself."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from deploy.local.cluster import Cluster
from tests.fixtures.api import Client, new_client
from tests.fixtures.relay import Relay
from tests.fixtures.waiting import wait_for

#: More than all gateway processes together have threads.
CROWD = 40
#: Two processes of four places each.
PLACES = 8


@pytest.fixture(scope="module")
def api(running: Cluster) -> Client:
    """A tenant of its own: refusals suppress addresses."""
    return new_client(running)


def someone(local: str = "ada") -> str:
    """An address nobody else in this run uses; what the relay does depends on its local part."""
    return f"{local}@{uuid.uuid4().hex}.example.com"


def send(api: Client, seconds: int = 30, key: str | None = None, **fields: Any) -> requests.Response:
    """A send that prefers to wait."""
    body = {"from": api.sender, "to": someone(), "subject": "Hello", "text": "Hi", **fields}
    headers = {"Prefer": f"wait={seconds}", **({"Idempotency-Key": key} if key else {})}
    return api.post("/api/send", body, headers=headers)


def test_answer_is_200_with_the_relays_reply_when_it_accepted_in_time(api: Client, relay: Relay) -> None:
    to = someone()
    response = send(api, to=to)
    assert (response.status_code, response.headers.get("Preference-Applied")) == (200, "wait=30")
    answer = response.json()
    assert answer == {
        "id": answer["id"],
        "message_id": f"<{answer['id']}@{api.domain}>",
        "status": "sent",
        "message": "The relay accepted the email",
        "smtp_reply": "250 2.0.0 OK",
        "recipients": [
            {"address": to, "status": "sent", "smtp_code": 250, "smtp_reply": "250 2.0.0 OK"},
        ],
    }
    assert len(relay.received(answer["message_id"])) == 1
    assert response.headers["Location"] == f"/api/emails/{answer['id']}"


@pytest.mark.parametrize(
    ("local", "reply"),
    [
        ("refused", "550 5.7.1 Refused by policy"),
        ("unknown", "550 5.1.1 No such user here"),
        ("content", "554 5.7.1 Message refused"),
    ],
)
def test_answer_is_502_with_the_relays_refusal_when_it_refused(api: Client, local: str, reply: str) -> None:
    response = send(api, to=[someone(local)], cc=someone(local))
    assert (response.status_code, response.json()["code"]) == (502, "relay_refused")
    assert reply in response.json()["error"]
    assert response.json()["errors"] == [
        {"pointer": "/to/0", "detail": reply},
        {"pointer": "/cc", "detail": reply},
    ]
    email = api.get(response.headers["Location"]).json()
    assert email["status"] == "bounced"


def test_answer_is_200_and_names_who_was_refused_when_others_were_not(api: Client) -> None:
    good, bad = someone(), someone("refused")
    answer = send(api, to=[bad, good]).json()
    assert answer["smtp_reply"] == "250 2.0.0 OK"
    assert [(item["address"], item["status"], item["smtp_code"]) for item in answer["recipients"]] == [
        (bad, "bounced", 550),
        (good, "sent", 250),
    ]


def test_answer_waits_for_a_retry_when_the_relay_puts_it_off(api: Client) -> None:
    response = send(api, to=someone("deferred-twice"))
    assert (response.status_code, response.json()["status"]) == (200, "sent")


def test_answer_is_the_usual_one_when_the_time_is_over(cluster: Cluster, api: Client) -> None:
    cluster.stop("sender")
    response = send(api, seconds=1)
    assert (response.status_code, response.headers["Preference-Applied"]) == (202, "wait=1")
    assert set(response.json()) == {"id", "message_id", "status", "message"}


def test_answer_is_the_usual_one_at_once_when_nothing_is_to_be_waited_for(api: Client) -> None:
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    body = {"from": api.sender, "to": someone(), "subject": "Hello", "text": "Hi"}
    answers = [
        send(api, send_at=later),
        api.post("/api/send", body, headers={"Prefer": "respond-async, wait=0"}),
        api.post("/api/send", body),
    ]
    for response in answers:
        assert (response.status_code, "Preference-Applied" in response.headers) == (202, False)


@pytest.mark.parametrize(("local", "status"), [("ada", 200), ("refused", 502)])
def test_outcome_is_replayed_byte_for_byte_when_the_request_is_repeated(
    api: Client, relay: Relay, local: str, status: int
) -> None:
    to, key = someone(local), str(uuid.uuid4())
    first, second = (send(api, to=to, key=key) for _ in range(2))
    assert (first.status_code, second.status_code) == (status, status)
    assert first.content == second.content
    assert second.headers["Idempotent-Replayed"] == "true"
    assert relay.attempts[to] == 1


def test_others_are_served_when_many_wait(cluster: Cluster, api: Client) -> None:
    cluster.stop("sender")
    with ThreadPoolExecutor(CROWD) as pool:
        waiting = [pool.submit(send, api) for _ in range(CROWD)]
        wait_for(lambda: sum(item.done() for item in waiting) >= CROWD - PLACES, "most to be answered")
        assert not all(item.done() for item in waiting), "nobody waited"
        assert api.get("/api/emails?limit=1").status_code == 200
        cluster.start("sender")
        answers = [item.result() for item in waiting]
    applied = [item for item in answers if "Preference-Applied" in item.headers]
    assert 1 <= len(applied) <= PLACES
    assert {item.status_code for item in applied} == {200}
    assert {item.status_code for item in answers if item not in applied} == {202}
