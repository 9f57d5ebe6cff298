"""POST /api/webhooks/postfix: what MTAs say changes emails once, in any order, and never backwards."""

from __future__ import annotations

import itertools
import uuid
from typing import Any
from uuid import UUID

import pytest
import requests

from deploy.local.cluster import Cluster
from tests.fixtures.api import Client, new_client
from tests.fixtures.database import Database
from tests.fixtures.own_sender import own_sender
from tests.fixtures.postfix_events import event, say
from tests.fixtures.relay import Relay
from tests.fixtures.waiting import wait_for


def somebody(mood: str = "somebody") -> str:
    """An address that no other test uses."""
    return f"{mood}@{uuid.uuid4().hex}.example.com"


def url(cluster: Cluster) -> str:
    return f"{cluster.layout.url}/api/webhooks/postfix"


def secret(cluster: Cluster) -> str:
    return cluster.environment()["MAILMATIC_POSTFIX_SECRETS"]


def types(email: dict[str, Any]) -> list[str]:
    return [item["type"] for item in email["events"] if item["source"] == "postfix"]


def settled(database: Database) -> bool:
    """Whether every report that is due was applied."""
    return database.all("SELECT count(*) FROM delivery_reports WHERE processed_at IS NULL")[0][0] == 0


@pytest.fixture
def sent(api: Client) -> tuple[dict[str, Any], str]:
    """An email that the relay has, and its recipient."""
    to = somebody()
    email = api.send(to=to)
    api.wait_for_status(email["id"], "sent")
    return email, to


def test_bounce_of_the_reference_reaches_the_api_and_suppresses_the_address(
    running: Cluster, api: Client, sent: tuple[dict[str, Any], str]
) -> None:
    email, to = sent
    say(running, event("bounce", email, to, reason="550 User not found"))
    shown = api.wait_for_status(email["id"], "bounced")
    (recipient,) = shown["recipients"]
    assert recipient["smtp_code"] == 550
    assert recipient["smtp_reply"] == "550 User not found"
    assert (recipient["bounce_class"], recipient["bounce_reason"]) == ("hard", "unknown_user")
    assert shown["last_error"] == "550 User not found"
    suppression = api.get(f"/api/suppressions/{to}").json()
    assert (suppression["reason"], suppression["source"]) == ("hard_bounce", "postfix")


@pytest.mark.parametrize(
    ("reason", "kind"), [("552 5.2.2 mailbox full", "soft"), ("550 5.7.1 blocked using Spamhaus", "block")]
)
def test_bounce_that_is_not_about_the_mailbox_suppresses_nobody(
    running: Cluster, api: Client, sent: tuple[dict[str, Any], str], reason: str, kind: str
) -> None:
    email, to = sent
    say(running, event("bounce", email, to, reason=reason))
    (recipient,) = api.wait_for_status(email["id"], "bounced")["recipients"]
    assert recipient["bounce_class"] == kind
    assert api.get(f"/api/suppressions/{to}").status_code == 404


def test_complaint_after_a_delivery_suppresses_for_good(
    running: Cluster, api: Client, sent: tuple[dict[str, Any], str]
) -> None:
    email, to = sent
    say(running, event("complaint", email, to), event("delivered", email, to, dsn="2.0.0", delay=0.4))
    api.wait_for_status(email["id"], "complained")
    assert api.get(f"/api/suppressions/{to}").json()["reason"] == "complaint"


def test_every_order_of_the_same_events_ends_in_the_same_state(
    running: Cluster, api: Client, database: Database
) -> None:
    orders = list(itertools.permutations(("deferred", "delivered", "bounce", "complaint")))
    recipients = [somebody() for _ in orders]
    emails = [api.send(to=to) for to in recipients]
    for email in emails:
        api.wait_for_status(email["id"], "sent")
    for step in range(4):
        said = [
            event(order[step], email, to, reason=f"{order[step]} 5.2.2")
            for order, email, to in zip(orders, emails, recipients, strict=True)
        ]
        say(running, *said, *said)
        wait_for(lambda: settled(database), "the reports to be applied")
    for email in emails:
        shown = api.email(email["id"])
        assert shown["status"] == "complained"
        told = types(shown)
        assert len(told) == len(set(told)), "something was told twice"
        assert told[-1] == "email.complained"


def test_repeated_events_change_nothing(
    running: Cluster, api: Client, database: Database, sent: tuple[dict[str, Any], str]
) -> None:
    email, to = sent
    said = event(
        "delivered", email, to, reason="250 2.0.0 OK", dsn="2.0.0", relay="mx.example.com[192.0.2.1]:25"
    )
    assert say(running, said).json() == {"accepted": 1, "repeated": 0}
    before = api.wait_for_status(email["id"], "delivered")
    assert say(running, said).json() == {"accepted": 1, "repeated": 1}
    say(running, {**said, "queue_id": "another"}, event("deferred", email, to, reason="451 4.7.1 later"))
    wait_for(lambda: settled(database), "the reports to be applied")
    assert api.email(email["id"]) == before
    assert types(before) == ["email.delivered"]


def test_deferral_is_told_and_the_email_stays_sent(
    running: Cluster, api: Client, database: Database, sent: tuple[dict[str, Any], str]
) -> None:
    email, to = sent
    say(running, event("deferred", email, to, reason="451 4.7.1 Greylisted", dsn="4.7.1"))
    wait_for(lambda: settled(database), "the report to be applied")
    shown = api.email(email["id"])
    assert shown["status"] == "sent"
    (told,) = [item for item in shown["events"] if item["type"] == "email.deferred"]
    assert told["recipient"] == to
    assert told["data"]["bounce"] == {"class": "soft", "reason": "greylisted"}
    say(running, event("expired", email, to, reason="451 4.7.1 Greylisted", dsn="4.7.1"))
    api.wait_for_status(email["id"], "failed")


def test_unknown_outcome_is_settled_by_the_mta_and_not_sent_again(
    cluster: Cluster, api: Client, relay: Relay
) -> None:
    with own_sender(cluster, relay.port, MAILMATIC_UNKNOWN_SETTLE_SECONDS="600"):
        to, other = somebody("lost-once"), somebody("lost-once")
        delivered, bounced = api.send(to=to), api.send(to=other)
        for email in (delivered, bounced):
            api.wait_for_status(email["id"], "unknown")
        say(cluster, event("delivered", delivered, to), event("bounce", bounced, other, reason="550 5.7.1 x"))
        shown = api.wait_for_status(delivered["id"], "delivered")
        api.wait_for_status(bounced["id"], "bounced")
        assert [item["type"] for item in shown["events"]][-2:] == ["email.sent", "email.delivered"]
    assert len(relay.received(delivered["message_id"])) == len(relay.received(bounced["message_id"])) == 1


def test_report_waits_for_the_sender_that_holds_the_email(
    cluster: Cluster, api: Client, relay: Relay
) -> None:
    relay.gate.clear()
    try:
        to = somebody("held")
        email = api.send(to=to)
        api.wait_for_status(email["id"], "sending")
        wait_for(lambda: relay.held, "the relay to hold it")
        say(cluster, event("delivered", email, to))
    finally:
        relay.gate.set()
    shown = api.wait_for_status(email["id"], "delivered")
    told = [item["type"] for item in shown["events"]]
    assert told == ["email.accepted", "email.sent", "email.delivered"]


def test_event_about_nothing_we_know_is_kept_and_taken(
    running: Cluster, database: Database, api: Client
) -> None:
    to, strange = somebody(), f"<{uuid.uuid4()}@elsewhere.example>"
    email = api.send(to=to)
    api.wait_for_status(email["id"], "sent")
    say(running, event("bounce", {"message_id": strange}, to), event("bounce", email, somebody()))
    wait_for(lambda: settled(database), "the reports to be applied")
    kept = database.all(
        "SELECT outcome FROM delivery_reports WHERE report->>'message_id' IN (:a, :b)",
        a=strange,
        b=email["message_id"],
    )
    assert [row.outcome for row in kept] == ["unmatched", "unmatched"]
    assert api.email(email["id"])["status"] == "sent"


def test_message_id_that_a_client_brought_along_is_found(
    running: Cluster, database: Database, sent: tuple[dict[str, Any], str], api: Client
) -> None:
    email, to = sent
    theirs = f"<{uuid.uuid4().hex}@mailer.example>"
    database.all("UPDATE emails SET message_id = :m WHERE id = :id RETURNING 1", m=theirs, id=email["id"])
    say(running, event("delivered", {"message_id": theirs.strip("<>")}, to.upper()))
    api.wait_for_status(email["id"], "delivered")


def test_address_is_suppressed_after_a_week_of_soft_bounces_and_not_before(
    running: Cluster, database: Database
) -> None:
    client = new_client(running)
    to = somebody()
    for number in range(5):
        assert client.get(f"/api/suppressions/{to}").status_code == 404
        email = client.send(to=to)
        client.wait_for_status(email["id"], "sent")
        if number == 4:  # the first four were eight days ago
            _age(database, to)
        say(running, event("bounce", email, to, reason="552 5.2.2 mailbox full"))
        client.wait_for_status(email["id"], "bounced")
    found = wait_for(
        lambda: client.get(f"/api/suppressions/{to}").json().get("reason"), "the address to be suppressed"
    )
    assert found == "hard_bounce"


def _age(database: Database, to: str) -> None:
    """Makes what bounced at `to` eight days older."""
    for email_id, position in database.all(
        "SELECT email_id, position FROM recipients WHERE address = :to AND status = 'bounced'", to=to
    ):
        older = UUID(int=email_id.int - (8 * 86_400_000 << 80))
        database.all(
            "UPDATE recipients SET email_id = :older "
            "WHERE email_id = :id AND position = :position RETURNING 1",
            older=older,
            id=email_id,
            position=position,
        )


@pytest.mark.parametrize("headers", [{}, {"X-Webhook-Secret": "wrong"}, {"Authorization": "Bearer wrong"}])
def test_nobody_without_the_secret_is_heard(running: Cluster, headers: dict[str, str]) -> None:
    response = requests.post(url(running), json={}, headers=headers, timeout=30)
    assert (response.status_code, response.json()["code"]) == (401, "invalid_webhook_secret")


def test_secret_may_come_as_a_bearer_token(running: Cluster, sent: tuple[dict[str, Any], str]) -> None:
    email, to = sent
    headers = {"Authorization": f"Bearer {secret(running)}"}
    response = requests.post(url(running), json=event("delivered", email, to), headers=headers, timeout=30)
    assert response.status_code == 202


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"event": "bounce", "recipient": "a@b.c"}, "/message_id"),
        ({"event": "explosion", "recipient": "a@b.c", "message_id": "x"}, "/event"),
        ([{"event": "bounce", "recipient": "a@b.c", "message_id": "x"}, {}], "/1/event"),
        ([1], "/0"),
        ({"event": "bounce", "recipient": "a@b.c", "message_id": "x", "reason": 5}, "/reason"),
        ({"event": "bounce", "recipient": "a@b.c", "message_id": "x", "occurred_at": "soon"}, "/occurred_at"),
        ({"event": "bounce", "recipient": "a\x00@b.c", "message_id": "x"}, "/recipient"),
        ("text", ""),
    ],
)
def test_bad_event_is_refused_with_its_place(running: Cluster, body: object, pointer: str) -> None:
    response = requests.post(
        url(running), json=body, headers={"X-Webhook-Secret": secret(running)}, timeout=30
    )
    assert response.status_code == 422, response.text
    assert pointer in [item["pointer"] for item in response.json()["errors"]]


def test_body_that_is_no_json_is_refused(running: Cluster) -> None:
    headers = {"X-Webhook-Secret": secret(running), "Content-Type": "application/json"}
    response = requests.post(url(running), data=b"{", headers=headers, timeout=30)
    assert (response.status_code, response.json()["code"]) == (400, "invalid_json")
    headers["Content-Type"] = "text/plain"
    assert requests.post(url(running), data=b"{}", headers=headers, timeout=30).status_code == 415
