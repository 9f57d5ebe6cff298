"""POST /api/send/batch: each email on its own, all that pass in one transaction."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event

from deploy.local.cluster import Cluster
from services.gateway.app import create_app
from shared.db import engine
from shared.settings import settings
from tests.fixtures.api import Client, new_client, operator
from tests.fixtures.database import Database
from tests.fixtures.relay import Relay
from tests.fixtures.waiting import wait_for

HI = {"subject": "Hello", "text": "Hi"}


@pytest.fixture(scope="module")
def api(running: Cluster) -> Client:
    """A tenant of its own: these tests count emails."""
    return new_client(running)


@pytest.fixture
def gateway(running: Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[FlaskClient]:
    """The gateway's application in this process, on the cluster's servers."""
    for name, value in running.environment().items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    engine.cache_clear()
    yield create_app().test_client()
    engine().dispose()
    engine.cache_clear()
    settings.cache_clear()


@pytest.fixture
def transactions(gateway: FlaskClient) -> list[list[str]]:
    """What this process says to Postgres, a list of statements a transaction, but for who is asking."""
    committed: list[list[str]] = []
    said: list[str] = []

    @event.listens_for(engine(), "after_cursor_execute")
    def note_statement(_: Any, __: Any, statement: str, *___: Any) -> None:
        said.append(statement)

    @event.listens_for(engine(), "commit")
    def note_commit(_: Any) -> None:
        # a credential is known for seconds, so asked for now and then
        if not any("credentials" in statement for statement in said):
            committed.append(list(said))
        said.clear()

    return committed


def someone() -> str:
    """An address nobody else in this run uses."""
    return f"{uuid.uuid4()}@example.com"


def batch(api: Client, *emails: object) -> list[dict[str, Any]]:
    """The results of a batch that must be answered with 202."""
    response = api.post("/api/send/batch", {"emails": emails})
    assert response.status_code == 202, response.text
    results: list[dict[str, Any]] = response.json()["results"]
    assert len(results) == len(emails)
    return results


def test_emails_are_sent_from_the_credentials_name_and_address_when_from_is_left_out(
    running: Cluster, relay: Relay
) -> None:
    api = new_client(running)
    account = api_account(running, api)
    made = operator(running, "create-key", account, f"news@{api.domain}", "--name", "Ada, of Example")
    named = Client(api.url, made["api_key"], made["from"])
    results = batch(
        named,
        {"to": someone(), **HI},
        {"to": someone(), "from": None, **HI},
        {"to": someone(), "from_name": "Grace", **HI},
        {"to": someone(), "from": api.sender, **HI},
    )
    wait_for(lambda: relay.count([item["message_id"] for item in results]) == 4, "all to arrive")
    senders = [str(relay.received(item["message_id"])[0].message["From"]) for item in results]
    assert senders == [
        f'"Ada, of Example" <news@{api.domain}>',
        f'"Ada, of Example" <news@{api.domain}>',
        f"Grace <news@{api.domain}>",
        api.sender,
    ]


def test_email_that_fails_keeps_its_place_and_the_others_are_sent(api: Client, relay: Relay) -> None:
    suppressed = someone()
    assert api.post("/api/suppressions", {"email": suppressed}).status_code == 201
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    results = batch(
        api,
        {"to": someone(), **HI},
        {"to": ["fine@example.com", "not an address"], **HI},
        {"to": someone(), "from": "hello@elsewhere.test", **HI},
        {"to": someone(), "subject": "Large", "text": "x" * (5 * 1024 * 1024 + 1)},
        {"to": [someone(), suppressed], **HI},
        {"to": someone(), "send_at": later, **HI},
        {"too": someone(), **HI},
        {"to": someone(), **HI},
    )
    statuses = [item["status"] for item in results]
    assert statuses == ["sent", "failed", "failed", "failed", "failed", "scheduled", "failed", "sent"]
    assert [(item["code"], [fault["pointer"] for fault in item["errors"]]) for item in failed(results)] == [
        ("validation_error", ["/emails/1/to/1"]),
        ("domain_not_allowed", ["/emails/2/from"]),
        ("payload_too_large", ["/emails/3/text"]),
        ("recipient_suppressed", ["/emails/4/to/1"]),
        ("validation_error", ["/emails/6/to", "/emails/6/too"]),
    ]
    assert all(item["error"] for item in failed(results))
    assert set(results[5]) == {"id", "message_id", "status", "send_at"}
    assert api.email(results[5]["id"])["status"] == "scheduled"
    sent = [item["message_id"] for item in results if item["status"] == "sent"]
    wait_for(lambda: relay.count(sent) == 2, "the others to arrive")


def test_batch_is_accepted_when_every_email_of_it_failed(api: Client, database: Database) -> None:
    before = emails_of(database, api)
    results = batch(api, *({"to": "nobody", **HI} for _ in range(3)))
    assert {item["status"] for item in results} == {"failed"}
    assert emails_of(database, api) == before


def test_a_hundred_emails_are_written_in_one_transaction_in_request_order(
    api: Client, database: Database
) -> None:
    to = [someone() for _ in range(100)]
    results = batch(api, *({"to": address, **HI} for address in to))
    rows = database.all(
        "SELECT CAST(e.id AS text), r.address, e.xmin, r.xmin FROM emails e JOIN recipients r"
        " ON r.email_id = e.id WHERE e.request_id = (SELECT request_id FROM emails WHERE id = :id)"
        " AND e.created_at = (SELECT created_at FROM emails WHERE id = :id) ORDER BY e.id",
        id=results[0]["id"],
    )
    assert [row[0] for row in rows] == [item["id"] for item in results]
    assert [row[1] for row in rows] == to


def test_batch_takes_as_many_statements_for_a_hundred_emails_as_for_one(
    api: Client, gateway: FlaskClient, transactions: list[list[str]]
) -> None:
    def post(count: int, key: str) -> list[list[str]]:
        transactions.clear()
        body = {"emails": [{"to": [someone(), someone()], **HI} for _ in range(count)]}
        headers = {"Authorization": f"Bearer {api.key}", "Idempotency-Key": key}
        response = gateway.post("/api/send/batch", json=body, headers=headers)
        assert response.status_code == 202, response.text
        assert {item["status"] for item in response.get_json()["results"]} == {"sent"}
        return list(transactions)

    one, hundred = post(1, someone()), post(100, someone())
    assert hundred == one
    assert len([said for said in hundred if any("INSERT" in statement for statement in said)]) == 1


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, {"/emails"}),
        ({"emails": []}, {"/emails"}),
        ({"emails": [{"to": "a@example.com", **HI}] * 101}, {"/emails"}),
        ({"emails": None}, {"/emails"}),
        ({"emails": {"to": "a@example.com", **HI}}, {"/emails"}),
        ({"emails": [{"to": "a@example.com", **HI}, 5, None]}, {"/emails/1", "/emails/2"}),
        ({"emails": [{"to": "a@example.com", **HI}], "mode": "strict"}, {"/mode"}),
        ({"emails": [{"to": "a@example.com", "subject": "a\0b", "text": "Hi"}]}, {"/emails/0/subject"}),
        ([{"to": "a@example.com", **HI}], {""}),
    ],
)
def test_batch_is_422_and_sends_nothing_when_it_is_no_batch(
    api: Client, database: Database, body: object, pointers: set[str]
) -> None:
    before = emails_of(database, api)
    response = api.post("/api/send/batch", body)
    assert (response.status_code, response.json()["code"]) == (422, "validation_error")
    assert {fault["pointer"] for fault in response.json()["errors"]} == pointers
    assert emails_of(database, api) == before


def failed(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those that failed."""
    return [item for item in results if item["status"] == "failed"]


def emails_of(database: Database, api: Client) -> int:
    """How many emails this tenant has."""
    return sum(database.statuses(api.domain).values())


def api_account(cluster: Cluster, api: Client) -> str:
    """The id of this tenant's account, which `new_client` names after its domain."""
    return operator(cluster, "bootstrap", "--account", api.domain, "--domain", api.domain)["account"]
