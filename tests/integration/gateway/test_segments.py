"""Tags and segments over the API."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from deploy.local.cluster import Cluster
from tests.fixtures.api import Client, new_client
from tests.fixtures.database import Database

EVERYBODY = {"field": "email", "operator": "contains", "value": "@"}


@pytest.fixture(scope="module")
def tenant(running: Cluster) -> Client:
    """An account with three contacts."""
    client = new_client(running)
    for number in range(3):
        client.post("/api/contacts", {"email": f"p{number}@example.com", "metadata": {"n": str(number)}})
    return client


def made(client: Client, path: str, **body: Any) -> dict[str, Any]:
    """What was made."""
    response = client.post(path, {"name": uuid.uuid4().hex, **body})
    assert response.status_code == 201, response.text
    return dict(response.json())


def emails(page: dict[str, Any]) -> list[str]:
    """Who is on a page."""
    return [item["email"].partition("@")[0] for item in page["data"]]


def test_a_tag_is_made_changed_put_on_people_and_deleted(tenant: Client) -> None:
    tag = made(tenant, "/api/tags", name="Vip", color="#3B82F6")
    other = made(tenant, "/api/tags")
    path = f"/api/tags/{tag['id']}"
    assert tenant.request("PATCH", path, json={"name": "VIP"}).json() == {**tag, "name": "VIP"}
    for response in (
        tenant.post("/api/tags", {"name": "vIP"}),
        tenant.request("PATCH", f"/api/tags/{other['id']}", json={"name": "vip"}),
    ):
        assert (response.status_code, response.json()["code"]) == (409, "tag_name_taken")
    named = {"emails": ["p0@example.com", "P1@example.com", "nobody@example.com"]}
    assert tenant.post(f"{path}/contacts", named).json() == {"changed": 2}
    assert tenant.post(f"{path}/contacts", named).json() == {"changed": 0}
    assert emails(tenant.get("/api/contacts", params={"tag_id": tag["id"]}).json()) == ["p1", "p0"]
    assert tenant.post(f"{path}/contacts/remove", {"emails": ["p1@example.com"]}).json() == {"changed": 1}
    assert tenant.get(path).json() == {**tag, "name": "VIP", "contacts": 1}
    assert {**tag, "name": "VIP"} in tenant.get("/api/tags").json()["data"]
    assert tenant.request("DELETE", path).json()["name"] == "VIP"
    assert tenant.get(path).status_code == 404


def test_tags_of_one_contact_come_and_go(tenant: Client, other_tenant: Client) -> None:
    (contact,) = tenant.get("/api/contacts", params={"email": "p2@example.com"}).json()["data"]
    tag, foreign = made(tenant, "/api/tags"), made(other_tenant, "/api/tags")
    path = f"/api/contacts/{contact['id']}/tags"
    refused = tenant.post(path, {"tag_ids": [tag["id"], foreign["id"]]})
    assert refused.status_code == 422
    assert [item["pointer"] for item in refused.json()["errors"]] == ["/tag_ids/1"]
    tagged = tenant.post(path, {"tag_ids": [tag["id"], tag["id"]]}).json()
    assert tagged["tags"] == [{key: tag[key] for key in ("id", "name", "color")}]
    assert tenant.request("DELETE", f"{path}/{tag['id']}").json()["tags"] == []


def test_a_segment_is_whoever_meets_its_rules_when_it_is_asked(tenant: Client) -> None:
    rules = {"all": [EVERYBODY, {"field": "metadata.n", "operator": "gte", "value": 1}]}
    segment = made(tenant, "/api/segments", rules=rules, description="Some")
    path = f"/api/segments/{segment['id']}"
    assert tenant.get(path).json() == segment
    assert segment in tenant.get("/api/segments").json()["data"]
    page = tenant.get(f"{path}/contacts", params={"limit": 1}).json()
    assert (emails(page), page["has_more"]) == (["p2"], True)
    page = tenant.get(f"{path}/contacts", params={"limit": 1, "after": page["data"][0]["id"]}).json()
    assert (emails(page), page["has_more"]) == (["p1"], False)
    assert tenant.get(f"{path}/count").json() == {"contacts": 2, "reachable": 2}
    tenant.post("/api/suppressions", {"email": "p2@example.com", "reason": "unsubscribe"})
    assert tenant.get(f"{path}/count").json() == {"contacts": 2, "reachable": 1}
    preview = tenant.post("/api/segments/preview", {"rules": rules}).json()
    assert ({**preview, "data": emails(preview)}) == {"contacts": 2, "reachable": 1, "data": ["p2", "p1"]}
    tenant.request("DELETE", "/api/suppressions/p2@example.com")
    changed = tenant.request("PATCH", path, json={"rules": EVERYBODY}).json()
    assert changed["rules"] == EVERYBODY
    assert tenant.get(f"{path}/count").json()["contacts"] == 3
    assert tenant.request("PATCH", path, json={}).json() == changed
    assert tenant.request("DELETE", path).json() == changed
    assert tenant.get(path).status_code == 404


def test_a_wrong_rule_is_refused_with_a_pointer_to_it(tenant: Client) -> None:
    rules = {"any": [EVERYBODY, {"not": [{"field": "mail", "operator": "contains", "value": "@"}]}]}
    for path in ("/api/segments", "/api/segments/preview"):
        body = {"rules": rules} | ({} if "preview" in path else {"name": "x"})
        refused = tenant.post(path, body)
        assert refused.status_code == 422
        assert [item["pointer"] for item in refused.json()["errors"]] == ["/rules/any/1/not/0/field"]


@pytest.mark.parametrize(
    ("kind", "audience"),
    [
        ("segment", {"segment_id": "ID"}),
        ("segment", {"exclude_segment_ids": ["ID"]}),
        ("tag", {"tag_ids": ["ID"]}),
        ("tag", {"exclude_tag_ids": ["ID"]}),
    ],
)
def test_what_a_campaign_goes_by_is_not_deleted_under_it(
    tenant: Client, database: Database, kind: str, audience: dict[str, Any]
) -> None:
    thing = made(tenant, f"/api/{kind}s", **({"rules": EVERYBODY} if kind == "segment" else {}))
    database.all(
        "INSERT INTO campaigns (id, account_id, name, status, subject, from_email, audience)"
        " SELECT :id, account_id, '', 'scheduled', '', '', CAST(replace(:audience, 'ID', :thing) AS jsonb)"
        " FROM (SELECT id, account_id FROM tags UNION ALL SELECT id, account_id FROM segments) AS things"
        " WHERE id = CAST(:thing AS uuid) RETURNING 1",
        id=str(uuid.uuid4()),
        audience=str(audience).replace("'", '"'),
        thing=thing["id"],
    )
    refused = tenant.request("DELETE", f"/api/{kind}s/{thing['id']}")
    assert (refused.status_code, refused.json()["code"]) == (409, f"{kind}_in_use")
