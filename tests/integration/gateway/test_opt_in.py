"""Double opt-in: who is put on a list is asked by mail, and is on it once they have said yes."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
import requests

from deploy.local.cluster import Cluster
from shared.confirmations import Confirmation, Confirmations
from tests.fixtures.api import Client, new_client
from tests.fixtures.database import Database
from tests.fixtures.relay import Relay
from tests.fixtures.waiting import wait_for


@pytest.fixture(scope="module")
def tenant(running: Cluster) -> Client:
    """An account with a verified domain."""
    return new_client(running)


@pytest.fixture
def list_id(tenant: Client) -> str:
    """A list that asks, with a name that pages must escape."""
    body = {"name": "News <b>& more", "opt_in": "double"}
    return str(tenant.post("/api/lists", body).json()["id"])


def added(client: Client, list_id: str, **fields: Any) -> dict[str, Any]:
    """Somebody new on the list."""
    body = {"email": f"{uuid.uuid4().hex}@example.com", **fields}
    response = client.post(f"/api/lists/{list_id}/contacts", body)
    assert response.status_code == 201, response.text
    return dict(response.json())


def mails(database: Database, address: str) -> list[Any]:
    """The emails to somebody."""
    return database.all(
        "SELECT emails.id, message_id, from_address FROM emails JOIN recipients ON email_id = emails.id"
        " WHERE address = :address",
        address=address,
    )


def status(client: Client, contact: dict[str, Any], list_id: str) -> str:
    """Somebody's standing on the list."""
    lists = client.get(f"/api/contacts/{contact['id']}").json()["lists"]
    return str(next(item["status"] for item in lists if item["list_id"] == list_id))


def link(client: Client, database: Database, relay: Relay, contact: dict[str, Any]) -> str:
    """The link in the one mail that somebody got, at this cluster's edge."""
    ((id, message_id, sender),) = mails(database, contact["email"])
    assert sender == f"no-reply@{client.domain}"
    client.wait_for_status(str(id), "sent")
    (received,) = relay.received(message_id)
    assert received.message["Subject"] == "Please confirm: News <b>& more"
    body = received.message.get_body(("plain",))
    assert body
    found = re.search(r"https?://[^/]+(/api/confirm/[\w-]+)", body.get_content())
    assert found
    return client.url + found[1]


def test_who_says_yes_is_on_the_list(tenant: Client, list_id: str, database: Database, relay: Relay) -> None:
    contact = added(tenant, list_id)
    url = link(tenant, database, relay, contact)
    page = requests.get(url, timeout=10)
    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "News &lt;b&gt;&amp; more" in page.text
    assert contact["email"] not in page.text
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert status(tenant, contact, list_id) == "unconfirmed", "looking confirms nothing"
    for _ in range(2):
        said = requests.post(url, timeout=10)
        assert (said.status_code, "Thank you" in said.text) == (200, True)
    assert status(tenant, contact, list_id) == "subscribed"
    history = tenant.get(f"/api/contacts/{contact['id']}/history").json()["data"]
    assert [item["source"] for item in history] == ["confirmation", "api"]
    assert "Thank you" in requests.get(url, timeout=10).text


def test_a_link_leads_nowhere_once_they_have_left_or_if_it_is_not_ours(
    tenant: Client, list_id: str, database: Database, relay: Relay
) -> None:
    contact = added(tenant, list_id)
    url = link(tenant, database, relay, contact)
    tenant.post(f"/api/lists/{list_id}/contacts/unsubscribe", {"contact_ids": [contact["id"]]})
    token = url.rpartition("/")[2]
    forged = Confirmations(["x" * 43]).token(Confirmation(uuid.UUID(list_id), uuid.UUID(contact["id"])))
    for wrong in (token, token[:-1], token + "=", token.swapcase(), forged, "x", "ä"):
        for method in ("GET", "POST"):
            answer = requests.request(method, f"{tenant.url}/api/confirm/{wrong}", timeout=10)
            assert answer.status_code == 404, (method, wrong)
    assert status(tenant, contact, list_id) == "unsubscribed"


def test_everybody_is_asked_once_and_nobody_who_is_suppressed(
    tenant: Client, list_id: str, database: Database
) -> None:
    people = [f"{uuid.uuid4().hex}@example.com" for _ in range(3)]
    tenant.post("/api/suppressions", {"email": people[0]})
    for _ in range(2):
        body = {"contacts": [{"email": email} for email in people]}
        tenant.post(f"/api/lists/{list_id}/contacts/batch", body)
    assert [len(mails(database, email)) for email in people] == [0, 1, 1]
    (other,) = people[1:2]
    added(tenant, list_id, email=other)
    assert len(mails(database, other)) == 1
    tenant.post(f"/api/lists/{list_id}/contacts/unsubscribe", {"emails": [other]})
    added(tenant, list_id, email=other)
    assert len(mails(database, other)) == 1
    added(tenant, list_id, email=other, resubscribe=True)
    wait_for(lambda: len(mails(database, other)) == 2, "a second mail")
