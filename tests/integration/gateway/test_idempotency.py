"""One key, one execution: whoever repeats a request, however many at once, with or without Redis."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from deploy.local.cluster import Cluster
from tests.fixtures.api import Client, new_client
from tests.fixtures.database import Database
from tests.fixtures.relay import Relay
from tests.fixtures.waiting import wait_for

THREADS = 50


@pytest.fixture(scope="module")
def api(running: Cluster) -> Client:
    """A tenant of its own: these tests count emails."""
    return new_client(running)


def email(api: Client, **fields: Any) -> dict[str, Any]:
    """An email to somebody new."""
    to = f"{uuid.uuid4()}@example.com"
    return {"from": api.sender, "to": to, "subject": "Hello", "text": "Hi", **fields}


def post(api: Client, body: object, key: str, path: str = "/api/send") -> requests.Response:
    """POST under an idempotency key."""
    return api.post(path, body, headers={"Idempotency-Key": key})


def emails_to(database: Database, address: str) -> int:
    """How many emails were accepted for `address`."""
    return int(database.all("SELECT count(*) FROM recipients WHERE address = :to", to=address)[0][0])


def new_key() -> str:
    """A key nobody else in this run uses."""
    return str(uuid.uuid4())


def test_one_email_is_sent_when_fifty_threads_use_one_key(
    running: Cluster, relay: Relay, database: Database
) -> None:
    api = new_client(running)
    body, key = email(api), new_key()
    with ThreadPoolExecutor(THREADS) as pool:
        responses = list(pool.map(lambda _: post(api, body, key), range(THREADS)))
    executed = [item for item in responses if "Idempotent-Replayed" not in item.headers]
    replayed = [item for item in responses if item.headers.get("Idempotent-Replayed") == "true"]
    assert len(executed) == 1
    assert len(replayed) == THREADS - 1
    assert {(item.status_code, item.content) for item in responses} == {(202, executed[0].content)}
    wait_for(lambda: database.unfinished(api.domain) == 0, "the email to be sent")
    assert database.statuses(api.domain) == {"sent": 1}
    assert len(relay.received(executed[0].json()["message_id"])) == 1


def test_batch_is_executed_once_when_it_is_repeated(api: Client, database: Database) -> None:
    good, bad, key = email(api), email(api, to="nobody"), new_key()
    first, second = (post(api, {"emails": [good, bad]}, key, "/api/send/batch") for _ in range(2))
    assert [item["status"] for item in first.json()["results"]] == ["sent", "failed"]
    assert (second.status_code, second.content) == (202, first.content)
    assert second.headers["Idempotent-Replayed"] == "true"
    assert emails_to(database, good["to"]) == 1


def test_import_is_executed_once_when_it_is_repeated_in_another_form(api: Client) -> None:
    csv, key, path = f"email\n{new_key()}@example.com\n", new_key(), "/api/suppressions/import"
    headers = {"Idempotency-Key": key}
    refused = api.request("POST", path, headers=headers, files={"file": b"\xff"})
    assert refused.status_code == 422
    first = api.request("POST", path, headers=headers, files={"file": csv})
    assert (first.status_code, first.json()["added"]) == (200, 1)
    plain = {**headers, "Content-Type": "text/csv"}
    second = api.request("POST", path, headers=plain, data=csv)
    assert (second.status_code, second.content) == (200, first.content)
    assert second.headers["Idempotent-Replayed"] == "true"
    other = api.request("POST", path, headers=plain, data=csv + "ada@example.net\n")
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_mismatch")


def test_both_headers_and_both_forms_mean_the_same_key(api: Client, database: Database) -> None:
    body, key = email(api), new_key()
    forms = [
        {"Idempotency-Key": key},
        {"X-Idempotency-Key": key},
        {"Idempotency-Key": f'"{key}"'},
        {"Idempotency-Key": key, "X-Idempotency-Key": key},
    ]
    responses = [api.post("/api/send", body, headers=headers) for headers in forms]
    assert len({item.content for item in responses}) == 1
    assert emails_to(database, body["to"]) == 1


def test_key_is_refused_when_it_comes_with_another_body(api: Client, database: Database) -> None:
    body, key = email(api), new_key()
    assert post(api, body, key).status_code == 202
    other = post(api, {**body, "subject": "Another"}, key)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_mismatch")
    reordered = post(api, dict(reversed(body.items())), key)
    assert (reordered.status_code, reordered.headers["Idempotent-Replayed"]) == (202, "true")
    assert emails_to(database, body["to"]) == 1


def test_key_means_something_else_to_another_account_or_operation(
    api: Client, other_tenant: Client, database: Database
) -> None:
    body, key = email(api), new_key()
    assert post(api, body, key).status_code == 202
    theirs = post(other_tenant, email(other_tenant), key)
    batch = post(api, {"emails": [email(api)]}, key, "/api/send/batch")
    for response in (theirs, batch):
        assert (response.status_code, "Idempotent-Replayed" in response.headers) == (202, False)


@pytest.mark.parametrize(
    "headers",
    [
        {"Idempotency-Key": ""},
        {"Idempotency-Key": "two words"},
        {"Idempotency-Key": "x" * 257},
        {"Idempotency-Key": "one", "X-Idempotency-Key": "two"},
    ],
)
def test_request_is_400_and_sends_nothing_when_its_key_is_unusable(
    api: Client, database: Database, headers: dict[str, str]
) -> None:
    body = email(api)
    response = api.post("/api/send", body, headers=headers)
    assert (response.status_code, response.json()["code"]) == (400, "invalid_idempotency_key")
    assert emails_to(database, body["to"]) == 0


def test_key_stays_free_when_the_request_was_refused(api: Client, database: Database) -> None:
    key, body = new_key(), email(api)
    refused = [
        post(api, {**body, "subject": ""}, key),
        post(api, {**body, "from": "hello@elsewhere.test"}, key),
        post(api, {"emails": [{**body, "to": "nobody"}]}, key, "/api/send/batch"),
    ]
    assert [item.status_code for item in refused] == [422, 403, 202]
    assert refused[2].json()["results"][0]["status"] == "failed"
    mended = [post(api, body, key), post(api, {"emails": [body]}, key, "/api/send/batch")]
    assert [(item.status_code, "Idempotent-Replayed" in item.headers) for item in mended] == [
        (202, False)
    ] * 2
    assert emails_to(database, body["to"]) == 2


def test_answer_is_replayed_when_the_request_would_be_refused_by_now(api: Client, database: Database) -> None:
    soon = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    body, key = email(api, send_at=soon), new_key()
    first = post(api, body, key)
    assert first.json()["status"] == "scheduled"
    wait_for(lambda: post(api, body, new_key()).status_code == 422, "the schedule to be in the past")
    assert api.post("/api/suppressions", {"email": body["to"]}).status_code == 201
    second = post(api, body, key)
    assert (second.status_code, second.content) == (202, first.content)


def test_key_may_be_used_anew_when_its_day_is_over(api: Client, database: Database) -> None:
    body, key = email(api), new_key()
    first = post(api, body, key).json()
    database.all(
        "UPDATE idempotency_keys SET expires_at = now() - interval '1 hour' WHERE key = :key RETURNING 1",
        key=key,
    )
    second = post(api, body, key)
    assert "Idempotent-Replayed" not in second.headers
    assert second.json()["id"] != first["id"]
    assert post(api, body, key).content == second.content


def test_scheduler_forgets_keys_whose_day_is_over(api: Client, database: Database) -> None:
    old, fresh = new_key(), new_key()
    for key in (old, fresh):
        assert post(api, email(api), key).status_code == 202
    database.all(
        "UPDATE idempotency_keys SET expires_at = now() - interval '1 hour' WHERE key = :key RETURNING 1",
        key=old,
    )

    def kept() -> list[str]:
        rows = database.all(
            "SELECT key FROM idempotency_keys WHERE key IN (:old, :fresh)", old=old, fresh=fresh
        )
        return [row[0] for row in rows]

    wait_for(lambda: kept() == [fresh], "the old key to be forgotten")


def test_twin_is_told_to_come_back_when_the_first_takes_too_long(api: Client, database: Database) -> None:
    body, known, key = email(api), new_key(), new_key()
    assert post(api, body, known).status_code == 202
    with database.connect() as first:
        first.exec_driver_sql(
            "INSERT INTO idempotency_keys SELECT account_id, route, %s, request_hash, status, body,"
            " created_at, expires_at FROM idempotency_keys WHERE key = %s",
            (key, known),
        )
        twin = post(api, body, key)
        assert (twin.status_code, twin.json()["code"]) == (409, "idempotency_in_progress")
        assert twin.headers["Retry-After"] == "1"
    # the first came to nothing
    again = post(api, body, key)
    assert (again.status_code, "Idempotent-Replayed" in again.headers) == (202, False)
    assert emails_to(database, body["to"]) == 2


@pytest.mark.usefixtures("own_servers")
def test_email_is_sent_once_when_redis_is_away(cluster: Cluster, api: Client, database: Database) -> None:
    body, key = email(api), new_key()
    first = post(api, body, key)
    cluster.stop("redis")
    second = post(api, body, key)
    cluster.start("redis")
    assert (second.status_code, second.content) == (202, first.content)
    assert emails_to(database, body["to"]) == 1
