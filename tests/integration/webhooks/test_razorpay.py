"""POST /api/webhooks/razorpay: signed events, in any order and however often, end in one state."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import time
import uuid
from typing import Any

import pytest
import requests

from deploy.local.cluster import Cluster
from tests.fixtures.api import Client, new_client
from tests.fixtures.database import Database
from tests.fixtures.waiting import wait_for

NEW, OLD = "the-new-secret", "the-old-secret"
NOW = int(time.time())
MONTH = 30 * 86_400
NOBODY, STRANGER = {"account_id": "x"}, {"account_id": str(uuid.uuid4())}


def subscription(kind: str, account: str | None, id: str, at: int, **more: Any) -> dict[str, Any]:
    """An event about a subscription to the plan Pro."""
    entity = {"id": id, "entity": "subscription", "plan_id": "plan_pro", "current_end": NOW + MONTH, **more}
    entity["notes"] = {"account_id": account} if account else []
    body: dict[str, Any] = {
        "entity": "event",
        "event": f"subscription.{kind}",
        "contains": ["subscription"],
        "payload": {"subscription": {"entity": entity}},
        "created_at": at,
    }
    if kind == "charged":
        paid = {"id": f"pay_{id}", "entity": "payment", "amount": 49_900, "currency": "INR", "created_at": at}
        body["payload"]["payment"] = {"entity": {**paid, "status": "captured", "captured": "1"}}
    return body


def post(
    cluster: Cluster, body: dict[str, Any], id: str | None = None, secret: str = NEW
) -> requests.Response:
    raw = json.dumps(body).encode()
    signature = hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
    headers = {"X-Razorpay-Signature": signature, "Content-Type": "application/json"}
    headers["x-razorpay-event-id"] = id or f"evt_{uuid.uuid4().hex}"
    url = f"{cluster.layout.url}/api/webhooks/razorpay"
    return requests.post(url, data=raw, headers=headers, timeout=30)


def account_of(database: Database, client: Client) -> str:
    rows = database.all("SELECT account_id FROM domains WHERE name = :name", name=client.domain)
    return str(rows[0].account_id)


def applied(database: Database) -> bool:
    return database.all("SELECT count(*) FROM billing_events WHERE processed_at IS NULL")[0][0] == 0


@pytest.fixture
def client(running: Cluster) -> Client:
    return new_client(running)


def test_paid_subscription_moves_plan_and_quota_and_shows_the_payment(
    running: Cluster, client: Client, database: Database
) -> None:
    before = client.get("/api/billing").json()
    assert (before["enabled"], before["state"], before["plan"]["id"]) == (True, "none", "free")
    account, id = account_of(database, client), f"sub_{uuid.uuid4().hex}"
    assert post(running, subscription("activated", account, id, NOW - 20)).status_code == 200
    # signed with the secret from before the change
    assert post(running, subscription("charged", account, id, NOW - 10), secret=OLD).ok
    found = wait_for(
        lambda: (shown := client.get("/api/billing").json())["payments"] and shown, "the payment to be shown"
    )
    assert (found["state"], found["plan"]["id"], found["subscription_id"]) == ("active", "pro", id)
    assert [(item["status"], item["amount"]) for item in found["payments"]] == [("captured", 49_900)]

    def limited() -> bool:  # a checked key is trusted for a few seconds
        return bool(client.get("/api/usage").json()["monthly"]["quota"] == 50_000)

    wait_for(limited, "the plan's quota to hold")
    post(running, subscription("halted", account, id, NOW - 5))
    wait_for(lambda: client.get("/api/billing").json()["plan"]["id"] == "free", "the plan to end")
    wait_for(lambda: client.get("/api/usage").json()["monthly"]["quota"] is None, "the quota to end")


def test_any_order_of_arrival_and_any_repeat_end_in_the_same_state(
    running: Cluster, database: Database
) -> None:
    kinds = ("activated", "charged", "pending", "cancelled")
    orders = list(itertools.permutations(enumerate(kinds)))[::4]
    clients = [new_client(running) for _ in orders]
    for client, order in zip(clients, orders, strict=True):
        account, id = account_of(database, client), f"sub_{uuid.uuid4().hex}"
        for step, kind in order:
            # one names nobody: it is found by its subscription
            body = subscription(kind, None if kind == "pending" else account, id, NOW - 40 + step)
            answers = [post(running, body, f"evt_{id}_{kind}").json()["repeated"] for _ in range(2)]
            assert answers == [False, True]
    wait_for(lambda: applied(database), "the events to be applied")
    ends = [
        {
            key: client.get("/api/billing").json()[key]
            for key in ("state", "paid_through", "grace_until", "plan")
        }
        for client in clients
    ]
    assert all(end == ends[0] for end in ends), ends
    assert (ends[0]["state"], ends[0]["plan"]["id"]) == ("ending", "pro")
    for client in clients:
        assert [item["status"] for item in client.get("/api/billing").json()["payments"]] == ["captured"]


def test_plan_ends_by_time_alone_when_what_was_paid_is_over(
    running: Cluster, client: Client, database: Database
) -> None:
    account, id = account_of(database, client), f"sub_{uuid.uuid4().hex}"
    soon = int(time.time()) + 4
    post(running, subscription("activated", account, id, NOW - 20, current_end=soon))
    post(running, subscription("cancelled", account, id, NOW - 10, current_end=soon))

    def ended() -> bool:
        rows = database.all(
            "SELECT state, due_at, quota_monthly FROM billing_accounts "
            "JOIN accounts ON accounts.id = account_id WHERE account_id = CAST(:id AS uuid)",
            id=account,
        )
        return [tuple(row) for row in rows] == [("ending", None, None)]

    wait_for(ended, "the plan to end")
    shown = client.get("/api/billing").json()
    assert (shown["state"], shown["plan"]["id"]) == ("ending", "free")


@pytest.mark.parametrize("secret", ["wrong", ""])
def test_event_with_a_wrong_signature_is_refused(running: Cluster, secret: str) -> None:
    response = post(running, {"event": "payment.captured"}, secret=secret)
    assert (response.status_code, response.json()["code"]) == (401, "invalid_signature")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"event": "payment.downtime.started", "payload": {}},
        {
            "event": "subscription.charged",
            "payload": {"subscription": {"entity": {"notes": {"account_id": "x"}}}},
        },
        {"event": "subscription.charged", "payload": [1], "created_at": "soon"},
        {
            "event": 5,
            "payload": {"subscription": {"entity": {"id": 7, "notes": {"account_id": str(uuid.uuid4())}}}},
        },
    ],
)
def test_event_that_means_nothing_to_us_is_kept_and_taken(
    running: Cluster, database: Database, body: dict[str, Any]
) -> None:
    id = f"evt_{uuid.uuid4().hex}"
    assert post(running, body, id).status_code == 200
    kept = "SELECT processed_at FROM billing_events WHERE id = :id AND processed_at IS NOT NULL"
    wait_for(lambda: database.all(kept, id=id), "the event to be applied")
