"""Suppressed after acceptance: passed over when sending. Found not to exist when sending: suppressed."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from deploy.local.cluster import Cluster
from tests.fixtures.api import Client, new_client
from tests.fixtures.database import Database
from tests.fixtures.relay import Relay
from tests.fixtures.waiting import wait_for


def fresh(local: str = "ada") -> str:
    return f"{local}@{uuid.uuid4().hex}.example.com"


def suppress(client: Client, email: str, reason: str) -> None:
    response = client.post("/api/suppressions", {"email": email, "reason": reason})
    assert response.status_code == 201, response.text


def states_of(email: dict[str, Any]) -> dict[str, str]:
    return {item["address"]: item["status"] for item in email["recipients"]}


def test_recipients_suppressed_while_the_sender_was_away_are_passed_over(
    cluster: Cluster, relay: Relay, database: Database
) -> None:
    api = new_client(cluster)
    cluster.stop("sender")
    complained, unsubscribed, other = fresh("Complained"), fresh("left"), fresh("other")
    mixed = api.send(to=[complained, other], cc=[unsubscribed])
    alone = api.send(to=complained)
    bulk = api.send(to=[unsubscribed, other])
    # campaigns write this stream; nothing else tells the two apart
    database.all("UPDATE emails SET stream = 'bulk' WHERE id = :id RETURNING id", id=bulk["id"])
    suppress(api, complained.lower(), "complaint")
    suppress(api, unsubscribed, "unsubscribe")
    cluster.start("sender")

    email = api.wait_for_status(mixed["id"], "sent")
    assert states_of(email) == {complained: "suppressed", other: "sent", unsubscribed: "sent"}
    (received,) = relay.received(mixed["message_id"])
    assert set(received.recipients) == {other, unsubscribed}
    (event,) = [item for item in email["events"] if item["type"] == "email.suppressed"]
    assert (event["recipient"], event["data"]["suppression"]) == (complained, "complaint")

    email = api.wait_for_status(alone["id"], "suppressed")
    assert "complaint" in email["last_error"]
    assert relay.received(alone["message_id"]) == []

    email = api.wait_for_status(bulk["id"], "sent")
    assert states_of(email) == {unsubscribed: "suppressed", other: "sent"}


def test_mailbox_that_the_relay_calls_unknown_is_suppressed_with_what_caused_it(
    api: Client, database: Database
) -> None:
    unknown = fresh("unknown")
    sent = api.send(to=[unknown, fresh()])
    api.wait_for_status(sent["id"], "sent")
    found = api.get(f"/api/suppressions/{unknown}").json()
    assert (found["reason"], found["source"], found["email_id"]) == ("hard_bounce", "sender", sent["id"])
    (event,) = database.all("SELECT type, email_id FROM events WHERE id = :id", id=found["event_id"])
    assert (event.type, str(event.email_id)) == ("email.bounced", sent["id"])
    again = api.post(
        "/api/send", {"from": api.sender, "to": unknown.upper(), "subject": "again", "text": "again"}
    )
    assert again.json()["code"] == "recipient_suppressed"


@pytest.mark.parametrize("local", ["refused", "content"])
def test_nobody_is_suppressed_when_the_relay_refuses_us_or_the_message(api: Client, local: str) -> None:
    address = fresh(local)
    sent = api.send(to=address)
    wait_for(lambda: api.email(sent["id"])["status"] == "bounced", "the refusal")
    assert api.get(f"/api/suppressions/{address}").status_code == 404
