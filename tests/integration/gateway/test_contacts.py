"""Lists and contacts over the API: one person an account, with a standing on each list."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from deploy.local.cluster import Cluster
from shared.subscriptions import subscribe
from tests.fixtures.api import Client, new_client
from tests.fixtures.database import Database
from tests.fixtures.waiting import wait_for


@pytest.fixture(scope="module")
def tenant(running: Cluster) -> Client:
    """An account whose contacts nobody else counts."""
    return new_client(running)


def address() -> str:
    """An address nobody has yet."""
    return f"{uuid.uuid4().hex}@example.com"


def made(response: Any) -> dict[str, Any]:
    """What was made."""
    assert response.status_code == 201, response.text
    return dict(response.json())


def a_list(client: Client, **fields: Any) -> str:
    """A new list's id."""
    return str(made(client.post("/api/lists", {"name": "Newsletter", **fields}))["id"])


def put(client: Client, list_id: str, email: str, **fields: Any) -> dict[str, Any]:
    """Somebody on a list."""
    return made(client.post(f"/api/lists/{list_id}/contacts", {"email": email, **fields}))


def standing(contact: dict[str, Any], list_id: str) -> str:
    """A contact's status on a list."""
    (found,) = [item["status"] for item in contact["lists"] if item["list_id"] == list_id]
    return str(found)


def pointers(response: Any) -> list[str]:
    """Where a refused request is at fault."""
    assert response.status_code == 422, response.text
    return [item["pointer"] for item in response.json()["errors"]]


def test_a_list_is_made_shown_changed_and_deleted(tenant: Client) -> None:
    body = {"name": "Newsletter Subscribers", "description": "Weekly\nnewsletter list"}
    found = made(tenant.post("/api/lists", body))
    assert {**body, "opt_in": "single"}.items() <= found.items()
    path = f"/api/lists/{found['id']}"
    put(tenant, found["id"], address())
    counts = {"unconfirmed": 0, "subscribed": 1, "unsubscribed": 0}
    assert tenant.get(path).json() == {**found, "contacts": counts}
    changed = tenant.request("PATCH", path, json={"name": "News", "description": None}).json()
    assert (changed["name"], changed["description"]) == ("News", None)
    assert tenant.request("PATCH", path, json={}).json() == changed
    assert changed in tenant.get("/api/lists").json()["data"]
    assert tenant.request("DELETE", path).json() == changed
    assert tenant.get(path).status_code == tenant.request("DELETE", path).status_code == 404


def test_no_standing_outlives_its_list(tenant: Client, database: Database) -> None:
    list_id = a_list(tenant)
    put(tenant, list_id, address())
    other = put(tenant, a_list(tenant), address())["id"]
    waiting = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE wait_event_type = 'Lock' AND query LIKE 'DELETE FROM lists%'"
    )
    with ThreadPoolExecutor(1) as pool:
        with database.engine.begin() as tx:
            owner = text("SELECT account_id FROM lists WHERE id = :id")
            account_id = tx.execute(owner, {"id": list_id}).scalar_one()
            assert subscribe(tx, account_id, UUID(list_id), [UUID(other)], "api") == {UUID(other)}
            deleted = pool.submit(tenant.request, "DELETE", f"/api/lists/{list_id}")
            wait_for(lambda: database.all(waiting) == [(1,)], "the deletion to wait for who is being added")
        assert deleted.result().status_code == 200
    assert database.all("SELECT count(*) FROM subscriptions WHERE list_id = :id", id=list_id) == [(0,)]


def test_somebody_who_is_added_again_is_brought_up_to_date(tenant: Client) -> None:
    one, other, email = a_list(tenant), a_list(tenant), address()
    first = put(tenant, one, email, first_name="John", last_name="Doe", metadata={"plan": "pro", "n": 1})
    again = put(tenant, other, email.upper(), first_name="Johnny", metadata={"n": None, "city": "London"})
    assert again["id"] == first["id"]
    assert (again["email"], again["first_name"], again["last_name"]) == (email, "Johnny", "Doe")
    assert again["metadata"] == {"plan": "pro", "city": "London"}
    assert {item["list_id"]: item["status"] for item in again["lists"]} == {
        one: "subscribed",
        other: "subscribed",
    }


def test_who_has_unsubscribed_comes_back_only_by_an_explicit_word(tenant: Client) -> None:
    list_id, email = a_list(tenant), address()
    contact = put(tenant, list_id, email)
    path = f"/api/lists/{list_id}/contacts"
    gone = tenant.post(f"{path}/unsubscribe", {"emails": [email, address()]})
    assert gone.json() == {"changed": 1}
    assert tenant.post(f"{path}/unsubscribe", {"contact_ids": [contact["id"]]}).json() == {"changed": 0}
    assert standing(put(tenant, list_id, email), list_id) == "unsubscribed"
    removed = tenant.request("DELETE", f"{path}/{contact['id']}").json()
    assert standing(removed, list_id) == "unsubscribed"
    assert tenant.post(f"{path}/remove", {"emails": [email]}).json() == {"changed": 0}
    assert standing(put(tenant, list_id, email, resubscribe=True), list_id) == "subscribed"
    history = tenant.get(f"/api/contacts/{contact['id']}/history").json()["data"]
    assert [item["status"] for item in history] == ["subscribed", "unsubscribed", "subscribed"]
    assert [item["until"] for item in history] == [None, history[0]["since"], history[1]["since"]]
    assert tenant.request("DELETE", f"{path}/{contact['id']}").json()["lists"] == []


def test_who_is_added_to_a_list_with_double_opt_in_is_not_confirmed_yet(tenant: Client) -> None:
    list_id = a_list(tenant, opt_in="double")
    assert standing(put(tenant, list_id, address()), list_id) == "unconfirmed"


def test_a_thousand_are_put_on_a_list_at_once(tenant: Client, database: Database) -> None:
    list_id = a_list(tenant)
    people = [{"email": address(), "first_name": f"N {n}"} for n in range(999)]
    path = f"/api/lists/{list_id}/contacts"
    told = tenant.post(f"{path}/batch", {"contacts": [*people, {**people[0], "first_name": "Last"}]})
    assert told.json() == {"added": 999, "updated": 0, "subscribed": 999}
    told = tenant.post(f"{path}/batch", {"contacts": people[1:3]})
    assert told.json() == {"added": 0, "updated": 2, "subscribed": 0}
    (found,) = tenant.get("/api/contacts", params={"email": people[0]["email"]}).json()["data"]
    assert found["first_name"] == "Last"
    emails = [item["email"] for item in people[:500]]
    assert tenant.post(f"{path}/remove", {"emails": emails}).json() == {"changed": 500}
    assert tenant.get(f"/api/lists/{list_id}").json()["contacts"]["subscribed"] == 499


def test_members_come_in_pages_newest_first_and_are_found_by_search_and_status(running: Cluster) -> None:
    client = new_client(running)
    list_id = a_list(client)
    people = [put(client, list_id, f"p{n}.a_b@example.com", first_name="Zoë 100%")["id"] for n in range(3)]
    path = f"/api/lists/{list_id}/contacts"
    client.post(f"{path}/unsubscribe", {"contact_ids": people[:1]})
    page = client.get(path, params={"limit": 2}).json()
    assert ([item["id"] for item in page["data"]], page["has_more"]) == (people[:0:-1], True)
    page = client.get(path, params={"limit": 2, "after": people[1]}).json()
    assert ([item["id"] for item in page["data"]], page["has_more"]) == (people[:1], False)
    for where in (path, "/api/contacts"):
        for search, expected in [
            ("P1.A_B@EX", [people[1]]),
            ("1_a", []),
            ("ZOË 100%", people[::-1]),
            ("100_", []),
            ("\\", []),
        ]:
            found = client.get(where, params={"search": search}).json()["data"]
            assert [item["id"] for item in found] == expected, (where, search)
    for query in ({"status": "unsubscribed"}, {"list_id": list_id, "status": "unsubscribed"}):
        where = "/api/contacts" if "list_id" in query else path
        assert [item["id"] for item in client.get(where, params=query).json()["data"]] == people[:1]


def test_a_contact_is_changed_and_deleted(tenant: Client) -> None:
    contact = made(tenant.post("/api/contacts", {"email": address(), "metadata": {"a": 1, "b": [2]}}))
    path, email = f"/api/contacts/{contact['id']}", address()
    changes = {"email": email, "first_name": "Ada", "last_name": None, "metadata": {"a": None, "c": "ü"}}
    changed = tenant.request("PATCH", path, json=changes).json()
    assert (changed["email"], changed["first_name"], changed["last_name"]) == (email, "Ada", None)
    assert changed["metadata"] == {"b": [2], "c": "ü"}
    assert tenant.request("PATCH", path, json={}).json() == changed == tenant.get(path).json()
    taken = made(tenant.post("/api/contacts", {"email": address()}))["email"]
    refused = tenant.request("PATCH", path, json={"email": taken.upper()})
    assert (refused.status_code, refused.json()["code"]) == (409, "contact_exists")
    assert tenant.request("DELETE", path).json() == changed
    assert tenant.get(path).status_code == tenant.request("DELETE", path).status_code == 404
    assert tenant.get(f"/api/suppressions/{email}").status_code == 404


def test_who_had_unsubscribed_and_is_deleted_stays_out_of_campaigns(tenant: Client) -> None:
    list_id, email = a_list(tenant), address()
    contact = put(tenant, list_id, email)
    tenant.post(f"/api/lists/{list_id}/contacts/unsubscribe", {"emails": [email]})
    tenant.request("DELETE", f"/api/contacts/{contact['id']}")
    assert tenant.get(f"/api/suppressions/{email}").json()["reason"] == "unsubscribe"
    assert put(tenant, list_id, email)["suppression"] == "unsubscribe"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, ["/email"]),
        ({"email": "ada@"}, ["/email"]),
        ({"email": "a@example.com", "first_name": "a\nb"}, ["/first_name"]),
        ({"email": "a@example.com", "metadata": []}, ["/metadata"]),
        ({"email": "a@example.com", "metadata": {"a": "x" * 70_000}}, ["/metadata"]),
        ({"email": "a@example.com", "name": "x"}, ["/name"]),
    ],
)
def test_somebody_is_not_added_when_the_request_is_at_fault(
    tenant: Client, body: dict[str, Any], expected: list[str]
) -> None:
    path = f"/api/lists/{a_list(tenant)}/contacts"
    assert pointers(tenant.post(path, body)) == expected
    several = tenant.post(f"{path}/batch", {"contacts": [{"email": address()}, body]})
    assert pointers(several) == [f"/contacts/1{item}" for item in expected]
    assert tenant.get(path).json()["data"] == []


def test_a_list_is_not_deleted_while_a_campaign_needs_it(tenant: Client, database: Database) -> None:
    list_id = a_list(tenant)
    values = {"id": str(uuid.uuid4()), "list": list_id}
    database.all(
        "INSERT INTO campaigns (id, account_id, name, status, subject, from_email, audience)"
        " SELECT :id, account_id, '', 'paused', '', '', jsonb_build_object('list_ids', jsonb_build_array("
        " CAST(:list AS text))) FROM lists WHERE id = :list RETURNING 1",
        **values,
    )
    refused = tenant.request("DELETE", f"/api/lists/{list_id}")
    assert (refused.status_code, refused.json()["code"]) == (409, "list_in_use")
    database.all("UPDATE campaigns SET status = 'cancelled' WHERE id = :id RETURNING 1", id=values["id"])
    assert tenant.request("DELETE", f"/api/lists/{list_id}").status_code == 200
