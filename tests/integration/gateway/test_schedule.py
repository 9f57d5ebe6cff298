"""send_at: what is scheduled, moved, cancelled, and released by an outside clock."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import requests

from deploy.local.cluster import Cluster
from tests.fixtures.api import Client, new_client
from tests.fixtures.cluster import CRON_SECRET
from tests.fixtures.database import Database
from tests.fixtures.relay import Relay
from tests.fixtures.waiting import wait_for

CRON = "/api/cron/process-scheduled"


@pytest.fixture(scope="module")
def api(running: Cluster) -> Client:
    """A tenant of its own: what is scheduled here stays unfinished."""
    return new_client(running)


def ahead(**time: float) -> str:
    """A time from now, as a client writes it."""
    return (datetime.now(UTC) + timedelta(**time)).isoformat()


def in_a_day() -> str:
    """Tomorrow, to the second, as answers write it."""
    moment = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    return moment.isoformat().replace("+00:00", "Z")


def test_scheduled_email_is_shown_with_its_time_and_waits(api: Client, database: Database) -> None:
    sent = api.send(send_at=in_a_day())
    email = api.email(sent["id"])
    assert (email["status"], email["send_at"]) == ("scheduled", sent["send_at"])
    assert [item["status"] for item in email["recipients"]] == ["scheduled"]
    assert [(item["type"], item["data"]) for item in email["events"]] == [
        ("email.scheduled", {"send_at": sent["send_at"]})
    ]
    listed = api.get("/api/emails", params={"status": "scheduled", "limit": 100}).json()["data"]
    assert sent["id"] in [item["id"] for item in listed]


def test_offset_is_honoured_and_a_naive_time_is_utc(api: Client) -> None:
    day = f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%d}"
    assert api.send(send_at=f"{day}T09:00:00.250+02:00")["send_at"] == f"{day}T07:00:00.250Z"
    assert api.send(send_at=f"{day}T09:00")["send_at"] == f"{day}T09:00:00Z"


@pytest.mark.parametrize("value", ["tomorrow", "2030-06-01", 1893456000, "", "9999-12-31T23:59:59-12:00"])
def test_send_at_that_is_no_time_or_too_far_is_refused(api: Client, value: object) -> None:
    body = {"from": api.sender, "to": "a@example.com", "subject": "s", "text": "t", "send_at": value}
    response = api.post("/api/send", body)
    assert response.status_code == 422
    assert [item["pointer"] for item in response.json()["errors"]] == ["/send_at"]


def test_cancelled_email_is_never_sent_and_cancelling_it_again_changes_nothing(
    api: Client, relay: Relay, database: Database
) -> None:
    sent = api.send(send_at=ahead(seconds=2))
    first = api.request("DELETE", f"/api/emails/{sent['id']}")
    assert (first.status_code, first.json()["status"]) == (200, "cancelled")
    assert [item["status"] for item in first.json()["recipients"]] == ["cancelled"]
    assert [item["type"] for item in first.json()["events"]] == ["email.scheduled", "email.cancelled"]
    assert api.request("DELETE", f"/api/emails/{sent['id']}").json() == first.json()
    later = api.send(send_at=ahead(seconds=2.5))
    api.wait_for_status(later["id"], "sent")
    assert relay.received(sent["message_id"]) == []
    assert api.email(sent["id"])["status"] == "cancelled"


def test_rescheduled_email_is_sent_at_its_new_time_with_that_date(api: Client, relay: Relay) -> None:
    sent = api.send(send_at=in_a_day())
    soon = ahead(seconds=1)
    moved = api.request("PATCH", f"/api/emails/{sent['id']}", json={"send_at": soon})
    assert moved.status_code == 200
    assert [item["type"] for item in moved.json()["events"]] == ["email.scheduled", "email.scheduled"]
    api.wait_for_status(sent["id"], "sent")
    (received,) = relay.received(sent["message_id"])
    date = received.message["Date"].datetime
    assert date == datetime.fromisoformat(soon).replace(microsecond=0)


@pytest.mark.parametrize("method", ["DELETE", "PATCH"])
def test_what_was_sent_can_be_neither_cancelled_nor_moved(api: Client, method: str) -> None:
    sent = api.send()
    api.wait_for_status(sent["id"], "sent")
    body = {"send_at": in_a_day()} if method == "PATCH" else None
    response = api.request(method, f"/api/emails/{sent['id']}", json=body)
    assert (response.status_code, response.json()["code"]) == (409, "not_scheduled")
    assert "sent" in response.json()["error"]


@pytest.mark.parametrize("method", ["DELETE", "PATCH"])
def test_somebody_elses_scheduled_email_is_not_there(api: Client, other_tenant: Client, method: str) -> None:
    sent = api.send(send_at=in_a_day())
    body = {"send_at": ahead(days=2)} if method == "PATCH" else None
    assert other_tenant.request(method, f"/api/emails/{sent['id']}", json=body).status_code == 404
    email = api.email(sent["id"])
    assert (email["status"], email["send_at"]) == ("scheduled", sent["send_at"])


@pytest.mark.parametrize("headers", [{}, {"X-Cron-Secret": "wrong"}, {"Authorization": "Bearer wrong"}])
def test_cron_endpoint_lets_nobody_in_without_its_secret(api: Client, headers: dict[str, str]) -> None:
    response = requests.post(api.url + CRON, headers=headers, timeout=10)
    assert (response.status_code, response.json()["code"]) == (401, "invalid_cron_secret")


def test_two_clocks_at_once_release_each_email_once_while_the_scheduler_is_down(
    cluster: Cluster, api: Client, relay: Relay, database: Database
) -> None:
    cluster.stop("scheduler")
    with ThreadPoolExecutor(8) as pool:
        sent = list(pool.map(lambda _: api.send(send_at=ahead(seconds=3)), range(50)))
    last = max(item["send_at"] for item in sent)
    wait_for(lambda: database.all("SELECT now() > :last", last=last)[0][0], "all to be due")

    def release(number: int) -> int:
        method, name = [("GET", "X-Cron-Secret"), ("POST", "Authorization")][number % 2]
        value = CRON_SECRET if method == "GET" else f"Bearer {CRON_SECRET}"
        response = requests.request(method, api.url + CRON, headers={name: value}, timeout=30)
        assert response.status_code == 200, response.text
        return int(response.json()["released"])

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(release, range(4))) == len(sent)
    message_ids = [item["message_id"] for item in sent]
    wait_for(lambda: relay.count(message_ids) == len(sent), "all emails to arrive")
    assert {len(relay.received(message_id)) for message_id in message_ids} == {1}
