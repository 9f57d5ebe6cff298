"""Outgoing webhooks: what happens reaches every endpoint that wants it, signed, once, whatever others do."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import standardwebhooks
import svix

from deploy.local.cluster import Cluster
from shared.ids import new_id
from tests.fixtures.api import Client, new_client
from tests.fixtures.database import Database
from tests.fixtures.hooks import Hooks, running_hooks
from tests.fixtures.postfix_events import event, say
from tests.fixtures.waiting import wait_for


@pytest.fixture(scope="module")
def hooks() -> Iterator[Hooks]:
    with running_hooks() as running:
        yield running


@pytest.fixture
def client(running: Cluster) -> Client:
    """An account of its own: its events are this test's alone."""
    return new_client(running)


def somebody(mood: str = "somebody") -> str:
    return f"{mood}@{uuid.uuid4().hex}.example.com"


def path(mood: str = "ok") -> str:
    """A path of the customer's server that no other test uses."""
    return f"/{mood}/{uuid.uuid4().hex}"


def endpoint(client: Client, url: str, **values: Any) -> dict[str, Any]:
    response = client.post("/api/webhook-endpoints", {"url": url, **values})
    assert response.status_code == 201, response.text
    return dict(response.json())


def shown(client: Client, made: dict[str, Any]) -> dict[str, Any]:
    return dict(client.get(f"/api/webhook-endpoints/{made['id']}").json())


def tried(client: Client, delivery: str) -> dict[str, Any]:
    """The delivery once it has been tried."""
    seen: dict[str, Any] = {}

    def attempted() -> bool:
        seen.update(client.get(delivery).json())
        return bool(seen["tries"])

    wait_for(attempted, "the attempt")
    return seen


def test_everything_about_an_email_arrives_signed_and_names_its_recipient(
    running: Cluster, client: Client, hooks: Hooks
) -> None:
    at = path()
    made = endpoint(client, hooks.url(at), events=["email.*"])
    first, second = somebody(), somebody("refused")
    email = client.send(to=[first, second], subject="Hello")
    client.wait_for_status(email["id"], "sent")
    say(running, event("delivered", email, first, dsn="2.0.0"), event("complaint", email, first))
    wait_for(lambda: len(hooks.at(at)) >= 6, "the webhooks to arrive")
    told = [(hook.said["type"], hook.said["data"]["recipient"]) for hook in hooks.at(at)]
    assert sorted(told) == sorted(
        [
            ("email.accepted", first),
            ("email.accepted", second),
            ("email.sent", first),
            ("email.bounced", second),
            ("email.delivered", first),
            ("email.complained", first),
        ]
    )
    for hook in hooks.at(at):
        for library in (standardwebhooks.Webhook, svix.Webhook):
            library(made["secret"]).verify(hook.body, hook.headers)  # raises where it does not
        data = hook.said["data"]
        assert (data["email_id"], data["message_id"]) == (email["id"], email["message_id"])
        assert (data["subject"], data["from"], data["test"]) == ("Hello", client.sender, False)
    (bounced,) = hooks.of_type(at, "email.bounced")
    assert bounced.said["data"]["bounce"] == {"class": "block", "reason": "policy"}
    assert len({hook.id for hook in hooks.at(at)}) == 6


def test_filter_lets_through_what_it_names_and_nobody_else_hears_it(
    client: Client, api: Client, hooks: Hooks
) -> None:
    some, every, other = path(), path(), path()
    endpoint(client, hooks.url(some), events=["email.sent"])
    endpoint(client, hooks.url(every))
    stranger = endpoint(api, hooks.url(other))
    email = client.send()
    wait_for(lambda: hooks.of_type(every, "email.sent"), "the webhook to arrive")
    wait_for(lambda: hooks.at(some), "the webhook to arrive")
    assert [hook.said["type"] for hook in hooks.at(some)] == ["email.sent"]
    assert all(hook.said["data"]["email_id"] != email["id"] for hook in hooks.at(other))
    api.request("DELETE", f"/api/webhook-endpoints/{stranger['id']}")


def test_both_secrets_sign_until_the_overlap_ends(client: Client, hooks: Hooks) -> None:
    at = path()
    made = endpoint(client, hooks.url(at))
    old = made["secret"]
    rotated = client.post(f"/api/webhook-endpoints/{made['id']}/rotate-secret", {}).json()
    client.post(f"/api/webhook-endpoints/{made['id']}/test", {})
    hook = wait_for(lambda: hooks.at(at), "the test event")[0]
    for secret in (old, rotated["secret"]):
        svix.Webhook(secret).verify(hook.body, hook.headers)
    alone = client.post(f"/api/webhook-endpoints/{made['id']}/rotate-secret", {"overlap_seconds": 0}).json()[
        "secret"
    ]
    client.post(f"/api/webhook-endpoints/{made['id']}/test", {})
    hook = wait_for(lambda: hooks.at(at)[1:], "the second test event")[0]
    svix.Webhook(alone).verify(hook.body, hook.headers)
    with pytest.raises(Exception, match="signature"):
        svix.Webhook(rotated["secret"]).verify(hook.body, hook.headers)


def test_failed_delivery_is_tried_again_under_the_same_id_and_each_attempt_is_listed(
    client: Client, hooks: Hooks
) -> None:
    at = path("later")
    made = endpoint(client, hooks.url(at))
    base = f"/api/webhook-endpoints/{made['id']}"
    delivery = client.post(f"{base}/test", {}).json()
    wait_for(lambda: hooks.at(at), "the first attempt")
    wait_for(lambda: shown(client, made)["failures"] == 1, "the failure to be recorded")
    hooks.healed.add(at)
    found = wait_for(
        lambda: (
            (now := client.get(f"{base}/deliveries/{delivery['id']}").json())["status"] == "delivered" and now
        ),
        "the second attempt",
    )
    first, second = found["tries"]
    assert (first["status"], second["status"], second["response"]) == (503, 200, '{"received": true}')
    assert first["url"] == hooks.url(at)
    assert {hook.id for hook in hooks.at(at)} == {delivery["webhook_id"]}
    assert hooks.at(at)[0].headers["webhook-timestamp"] != hooks.at(at)[1].headers["webhook-timestamp"]
    assert shown(client, made)["failures"] == 0


def test_delivery_and_range_of_time_can_be_replayed(client: Client, hooks: Hooks) -> None:
    at = path()
    made = endpoint(client, hooks.url(at), events=["email.sent"])
    base = f"/api/webhook-endpoints/{made['id']}"
    client.request("PATCH", base, json={"active": False})
    email = client.send()
    client.wait_for_status(email["id"], "sent")
    client.request("PATCH", base, json={"active": True})
    assert hooks.at(at) == []
    span = {"since": "2026-01-01T00:00:00Z", "until": "2100-01-01T00:00:00Z"}
    assert client.post(f"{base}/replay", span).status_code == 202
    (hook,) = wait_for(lambda: hooks.at(at), "what was missed")
    assert hook.said["data"]["email_id"] == email["id"]
    (past,) = client.get(f"{base}/deliveries").json()["data"]
    assert client.post(f"{base}/deliveries/{past['id']}/replay", {}).status_code == 202
    again = wait_for(lambda: hooks.at(at)[1:], "the replay")[0]
    assert (again.id, again.body) == (hook.id, hook.body)


def test_endpoint_that_is_gone_is_switched_off_and_its_owner_told(
    running: Cluster, client: Client, hooks: Hooks
) -> None:
    at = path("gone")
    made = endpoint(client, hooks.url(at))
    client.post(f"/api/webhook-endpoints/{made['id']}/test", {})
    wait_for(lambda: not shown(client, made)["active"], "the endpoint to be switched off")
    assert shown(client, made)["disabled_reason"] == "gone"
    (entry,) = client.get("/api/audit", params={"action": "webhook_endpoint.disabled"}).json()["data"]
    assert entry["object_id"] == made["id"]


def test_redirect_is_a_failure_and_nobody_follows_it(client: Client, hooks: Hooks) -> None:
    made = endpoint(client, hooks.url(path("redirect")))
    base = f"/api/webhook-endpoints/{made['id']}"
    delivery = client.post(f"{base}/test", {}).json()
    tried(client, path_of_it := f"{base}/deliveries/{delivery['id']}")
    # at its next attempt it is `sending` for a moment
    found = wait_for(
        lambda: (seen := client.get(path_of_it).json())["status"] == "pending" and seen, "its turn"
    )
    assert {item["status"] for item in found["tries"]} == {302}


@pytest.mark.parametrize(
    "url", ["https://169.254.169.254/latest/meta-data/", "https://10.0.0.1/", "https://[::ffff:192.168.0.1]/"]
)
def test_no_request_goes_into_a_network_that_is_not_listed(client: Client, url: str) -> None:
    made = endpoint(client, url)
    base = f"/api/webhook-endpoints/{made['id']}"
    delivery = client.post(f"{base}/test", {}).json()
    found = tried(client, f"{base}/deliveries/{delivery['id']}")
    assert "network that webhooks are not sent to" in found["tries"][0]["error"]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://example.com/", "URL"),
        ("https://user:secret@example.com/", "login"),
        ("https://example.com/#x", "fragment"),
        ("https://", "URL"),
        ("https://example.com:99999/", "URL"),
        ("https://exa mple.com/", "URL"),
        (5, "string"),
    ],
)
def test_url_that_is_none_is_refused(client: Client, url: object, words: str) -> None:
    response = client.post("/api/webhook-endpoints", {"url": url})
    assert response.status_code == 422
    assert words in response.json()["errors"][0]["detail"]


def test_feed_has_every_event_once_and_in_an_order_that_nothing_joins_late(
    client: Client, database: Database
) -> None:
    start = client.get("/api/events").json()["next"]
    slow = database.connect()
    try:
        transaction = slow.begin()
        account = slow.exec_driver_sql(
            "SELECT account_id FROM domains WHERE name = %s", (client.domain,)
        ).scalar_one()
        early = new_id()
        slow.exec_driver_sql(
            "INSERT INTO events (id, account_id, type, source, occurred_at, data) "
            "VALUES (%s, %s, 'domain.verified', 'test', now(), '{}')",
            (str(early), str(account)),
        )
        emails = [client.send()["id"] for _ in range(5)]
        for email in emails:
            client.wait_for_status(email, "sent")
        # what came later waits for what began before: nothing may be read past it
        assert client.get("/api/events", params={"after": start}).json()["data"] == []
        transaction.commit()
    finally:
        slow.close()
    seen: list[dict[str, Any]] = []
    position = start

    def read() -> bool:
        nonlocal position
        page = client.get("/api/events", params={"after": position, "limit": 2}).json()
        position = page["next"]
        seen.extend(page["data"])
        return len([item for item in seen if item["type"] == "email.sent"]) == 5

    wait_for(read, "the feed to have all")
    assert [item["type"] for item in seen if item["id"] == str(early)] == ["domain.verified"]
    assert len({item["id"] for item in seen}) == len(seen)
    for email in emails:
        assert [item["type"] for item in seen if item["data"].get("email_id") == email] == [
            "email.accepted",
            "email.sent",
        ]


def test_bad_position_of_the_feed_is_refused(client: Client) -> None:
    for after in ("x", "1-2", "zz-" + "0" * 32, "9" * 40 + "-" + "0" * 32):
        assert client.get("/api/events", params={"after": after}).status_code == 422


def test_dead_endpoints_delay_nobody_and_no_request_is_led_astray(
    running: Cluster, client: Client, hooks: Hooks, database: Database
) -> None:
    """`WEBHOOK_ISOLATION=endpoints,events`: 100 endpoints and 20,000 events by `make bench`-like hand."""
    endpoints, events = map(int, os.environ.get("WEBHOOK_ISOLATION", "20,300").split(","))
    bad = {"hang": endpoints // 10, "500": endpoints // 10, "redirect": endpoints // 20}
    database.all(
        "UPDATE accounts SET quota_daily = 0 WHERE id = (SELECT account_id FROM domains WHERE name = :name) "
        "RETURNING 1",
        name=client.domain,
    )
    moods = [mood for mood, count in bad.items() for _ in range(count)]
    moods += ["ok"] * (endpoints - len(moods))
    clients = [client, *(new_client(running) for _ in range(endpoints // 20))]
    paths: list[str] = []
    for number, mood in enumerate(moods):
        paths.append(path(mood))
        endpoint(clients[number % len(clients)], hooks.url(paths[-1]), events=["email.accepted"])
    per_client = events // endpoints
    for one in clients:
        for start in range(0, per_client, 100):
            count = min(100, per_client - start)
            bodies = [{"to": somebody(), "subject": "x", "text": "x"} for _ in range(count)]
            assert one.post("/api/send/batch", {"emails": bodies}).status_code == 202
    good = [at for at, mood in zip(paths, moods, strict=True) if mood == "ok"]
    wait_for(
        lambda: all(len(hooks.at(at)) >= per_client for at in good), "all good endpoints to have everything"
    )
    for at in good:
        assert len({hook.id for hook in hooks.at(at)}) == len(hooks.at(at)) == per_client
    errors = database.all("SELECT DISTINCT status FROM webhook_attempts WHERE url LIKE '%/redirect/%'")
    assert {row.status for row in errors} <= {302}
