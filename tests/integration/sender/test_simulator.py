"""The sandbox: test keys and the simulator's addresses, whose outcomes arrive as real ones do."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from deploy.local.cluster import Cluster
from tests.fixtures.api import Client, new_client, operator
from tests.fixtures.database import Database
from tests.fixtures.relay import Relay

#: address → where it ends, what happens on the way, and the last reply
OUTCOMES: dict[str, tuple[str, list[str], str | None]] = {
    "delivered": ("delivered", ["sent", "delivered"], "250 2.0.0"),
    "bounced": ("bounced", ["bounced"], "550 5.1.1"),
    "softbounced": ("failed", ["deferred", "failed"], "452 4.2.2"),
    "delayed": ("delivered", ["deferred", "sent", "delivered"], "250 2.0.0"),
    "complained": ("complained", ["sent", "delivered", "complained"], "250 2.0.0"),
    "suppressed": ("suppressed", ["suppressed"], None),
    "somebody": ("bounced", ["bounced"], "550 5.1.1"),
}


@pytest.fixture(scope="module")
def tenant(running: Cluster) -> Client:
    """An account whose suppression list and usage nobody else changes."""
    return new_client(running)


@pytest.fixture(scope="module")
def test_key(running: Cluster, tenant: Client, servers: Cluster, database: Database) -> Client:
    """The tenant through a test key."""
    ((account,),) = database.all("SELECT account_id FROM domains WHERE name = :name", name=tenant.domain)
    made = operator(running, "create-key", str(account), f"test@{tenant.domain}", "--test")
    assert made["api_key"].startswith("mm_test_")
    return Client(tenant.url, made["api_key"], made["from"])


def simulated(mood: str, label: str = "") -> str:
    """An address of the simulator's."""
    return f"{mood}{label}@simulator.mailmatic.test"


def happened(email: dict[str, Any]) -> list[str]:
    """The sender's events, in order."""
    return [item["type"].partition(".")[2] for item in email["events"] if item["source"] == "sender"]


@pytest.mark.parametrize("label", ["", "+order-17"])
@pytest.mark.parametrize("mood", OUTCOMES)
def test_address_of_the_simulator_has_the_outcome_of_its_name(
    tenant: Client, relay: Relay, mood: str, label: str
) -> None:
    status, events, reply = OUTCOMES[mood]
    address = simulated(mood, label)
    sent = tenant.send(to=address)
    email = tenant.wait_for_status(sent["id"], status)
    assert email["test"] is True
    assert happened(email) == events
    (recipient,) = email["recipients"]
    assert (recipient["address"], recipient["status"]) == (address, status)
    assert recipient["relay"] == "simulator"
    assert (recipient["smtp_reply"] or "").startswith(reply or "")
    assert relay.received(sent["message_id"]) == []
    assert tenant.get(f"/api/suppressions/{address}").status_code == 404


def test_each_recipient_has_its_own_outcome(tenant: Client) -> None:
    sent = tenant.send(to=[simulated("delivered"), simulated("bounced")], cc=simulated("complained"))
    email = tenant.wait_for_status(sent["id"], "complained")
    assert [item["status"] for item in email["recipients"]] == ["delivered", "bounced", "complained"]


def test_what_a_test_key_sends_is_accepted_and_goes_nowhere(
    test_key: Client, tenant: Client, relay: Relay
) -> None:
    sent = test_key.send(to=f"{uuid.uuid4()}@example.com", html="<p>Hi</p>")
    email = test_key.wait_for_status(sent["id"], "delivered")
    assert email["test"] is True
    assert relay.received(sent["message_id"]) == []
    refused = test_key.send(to=simulated("bounced"))
    assert test_key.wait_for_status(refused["id"], "bounced")["test"] is True


def test_test_key_is_told_of_the_same_faults_as_a_live_one(test_key: Client, tenant: Client) -> None:
    suppressed = f"{uuid.uuid4()}@example.com"
    tenant.post("/api/suppressions", {"email": suppressed})
    body = {"from": test_key.sender, "to": suppressed, "subject": "Hi", "text": "Hi"}
    assert test_key.post("/api/send", body).json()["code"] == "recipient_suppressed"
    assert test_key.post("/api/send", {**body, "to": "nobody"}).json()["code"] == "validation_error"
    assert (
        test_key.post("/api/send", {**body, "from": "a@example.com"}).json()["code"] == "domain_not_allowed"
    )


def test_waiting_for_the_outcome_tells_what_the_simulator_says(tenant: Client) -> None:
    body = {"from": tenant.sender, "to": simulated("delivered"), "subject": "Hi", "text": "Hi"}
    prefer = {"Prefer": "wait=20"}
    answer = tenant.post("/api/send", body, headers=prefer)
    assert (answer.status_code, answer.json()["smtp_reply"]) == (200, "250 2.0.0 Accepted (simulated)")
    refusal = tenant.post("/api/send", {**body, "to": simulated("bounced")}, headers=prefer)
    assert (refusal.status_code, refusal.json()["code"]) == (502, "relay_refused")


def test_template_that_breaks_a_header_shows_in_the_sandbox_too(test_key: Client) -> None:
    sent = test_key.send(subject="Hello {{name}}", variables={"name": "Ada\r\nBcc: x@example.com"})
    assert "\n" not in test_key.wait_for_status(sent["id"], "delivered")["subject"]


def test_test_emails_count_nothing(tenant: Client, test_key: Client) -> None:
    before = tenant.get("/api/usage").json()
    test_key.send()
    tenant.send(to=simulated("delivered"))
    assert tenant.get("/api/usage").json() == before
