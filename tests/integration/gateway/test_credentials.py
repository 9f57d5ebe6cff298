"""Credentials over the API: made, used, confined, rotated, ended; and the audit log of it."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

import pytest

from deploy.local.cluster import Cluster
from tests.fixtures.api import Client, new_client
from tests.fixtures.database import Database
from tests.fixtures.waiting import wait_for


@pytest.fixture(scope="module")
def tenant(running: Cluster) -> Client:
    """An account whose credentials nobody else counts."""
    return new_client(running)


@pytest.fixture
def domain_id(tenant: Client, database: Database) -> str:
    """The tenant's domain."""
    ((id,),) = database.all("SELECT id FROM domains WHERE name = :name", name=tenant.domain)
    return str(id)


def made(tenant: Client, domain_id: str, **fields: Any) -> dict[str, Any]:
    """A new credential."""
    response = tenant.post("/api/credentials", {"domain_id": domain_id, "username": "noreply", **fields})
    assert response.status_code == 201, response.text
    return dict(response.json())


def with_key(tenant: Client, credential: dict[str, Any]) -> Client:
    """The tenant through another of its keys."""
    return replace(tenant, key=credential["api_key"], sender=credential["email"])


def status(client: Client, path: str = "/api/emails") -> int:
    """What a request of this key is answered with."""
    return client.get(path).status_code


def email_to_anybody(client: Client) -> dict[str, str]:
    return {"from": client.sender, "to": "ada@example.com", "subject": "Hello", "text": "Hi"}


def test_a_new_credential_sends_and_its_secrets_are_shown_once(tenant: Client, domain_id: str) -> None:
    credential = made(tenant, domain_id, display_name="My App")
    assert credential["api_key"].startswith("mm_")
    assert credential["smtp_username"]
    assert len(credential["smtp_password"]) >= 24
    assert credential["email"] == f"noreply@{tenant.domain}"
    with_key(tenant, credential).send()
    shown = tenant.get(f"/api/credentials/{credential['id']}").json()
    assert "api_key" not in shown
    assert "smtp_password" not in shown
    assert shown["last_used_at"]
    listed = tenant.get("/api/credentials").json()["data"]
    assert credential["id"] in [item["id"] for item in listed]
    assert credential["api_key"] not in str(listed)


def test_the_key_is_stored_as_a_digest_alone(tenant: Client, domain_id: str, database: Database) -> None:
    credential = made(tenant, domain_id)
    (row,) = database.all("SELECT * FROM credentials WHERE id = :id", id=credential["id"])
    assert credential["api_key"] not in str(row)
    assert credential["smtp_password"] not in str(row)


@pytest.mark.parametrize(
    ("scopes", "expected"),
    [
        (["send"], (202, 403, 403)),
        (["read"], (403, 200, 403)),
        (["admin"], (202, 200, 200)),
        (None, (202, 200, 200)),
    ],
)
def test_a_key_does_what_its_scopes_say_and_no_more(
    tenant: Client, domain_id: str, scopes: list[str] | None, expected: tuple[int, int, int]
) -> None:
    client = with_key(tenant, made(tenant, domain_id, scopes=scopes))
    response = client.post("/api/send", email_to_anybody(client))
    assert (response.status_code, status(client), status(client, "/api/audit")) == expected
    if response.status_code == 403:
        assert response.json()["code"] == "insufficient_scope"
        assert "send" in response.json()["error"]


def test_a_key_can_not_give_more_than_it_has(tenant: Client, domain_id: str) -> None:
    modest = with_key(tenant, made(tenant, domain_id, scopes=["credentials", "send"]))
    wish = {"domain_id": domain_id, "username": "more"}
    assert modest.post("/api/credentials", {**wish, "scopes": ["send"]}).status_code == 201
    for scopes in (None, ["admin"], ["send", "read"]):
        refused = modest.post("/api/credentials", {**wish, "scopes": scopes})
        assert (refused.status_code, refused.json()["code"]) == (403, "scope_exceeded")
    mighty = made(tenant, domain_id)
    for method, path, body in (
        ("POST", f"/api/credentials/{mighty['id']}/rotate", {}),
        ("PATCH", f"/api/credentials/{mighty['id']}", {"active": True}),
        ("DELETE", f"/api/credentials/{mighty['id']}", None),
    ):
        assert modest.request(method, path, json=body).json()["code"] == "scope_exceeded"


def test_a_key_is_refused_from_elsewhere_when_it_has_networks(tenant: Client, domain_id: str) -> None:
    credential = made(tenant, domain_id, allowed_ips=["192.0.2.0/24", "2001:db8::/32"])
    client = with_key(tenant, credential)
    forged = client.get("/api/emails", headers={"X-Forwarded-For": "192.0.2.7"})
    assert (forged.status_code, forged.json()["code"]) == (403, "ip_not_allowed")
    changed = tenant.request(
        "PATCH", f"/api/credentials/{credential['id']}", json={"allowed_ips": ["127.0.0.0/8", "::1"]}
    )
    assert changed.json()["allowed_ips"] == ["127.0.0.0/8", "::1/128"]
    wait_for(lambda: status(client) == 200, "the new networks to be heeded")


def test_a_deactivated_key_is_refused_and_an_activated_one_goes_on(tenant: Client, domain_id: str) -> None:
    credential = made(tenant, domain_id)
    client, path = with_key(tenant, credential), f"/api/credentials/{credential['id']}"
    assert status(client) == 200
    assert tenant.request("PATCH", path, json={"active": False}).json()["active"] is False
    # each process of the gateway forgets what it knew of the key at a time of its own
    wait_for(
        lambda: client.get("/api/emails").json().get("code") == "inactive_credential", "the key to be refused"
    )
    tenant.request("PATCH", path, json={"active": True})
    wait_for(lambda: status(client) == 200, "the key to go on")


def test_both_keys_go_on_through_the_overlap_of_a_rotation_and_one_without(
    tenant: Client, domain_id: str
) -> None:
    credential = made(tenant, domain_id)
    path = f"/api/credentials/{credential['id']}/rotate"
    second = tenant.post(path, {"overlap_seconds": 3600}).json()
    assert second["previous_key_expires_at"]
    assert "smtp_password" not in second
    old, new = with_key(tenant, credential), with_key(tenant, second)
    assert status(old) == status(new) == 200
    third = tenant.post(path, {"overlap_seconds": 0, "smtp_password": True}).json()
    assert third["smtp_password"] != credential["smtp_password"]
    wait_for(lambda: (status(old), status(new)) == (401, 401), "the keys before to end")
    assert status(with_key(tenant, third)) == 200


def test_a_deleted_credential_is_gone_for_good(tenant: Client, domain_id: str) -> None:
    credential = made(tenant, domain_id)
    client, path = with_key(tenant, credential), f"/api/credentials/{credential['id']}"
    assert status(client) == 200
    assert tenant.request("DELETE", path).status_code == 200
    assert tenant.get(path).status_code == tenant.request("DELETE", path).status_code == 404
    wait_for(lambda: status(client) == 401, "the key to end")
    assert credential["id"] not in [item["id"] for item in tenant.get("/api/credentials").json()["data"]]


def test_the_credential_of_another_account_is_not_there(
    tenant: Client, other_tenant: Client, domain_id: str
) -> None:
    path = f"/api/credentials/{made(tenant, domain_id)['id']}"
    assert other_tenant.get(path).status_code == 404
    assert other_tenant.request("PATCH", path, json={"active": False}).status_code == 404
    assert other_tenant.post(f"{path}/rotate", {}).status_code == 404
    assert other_tenant.request("DELETE", path).status_code == 404
    foreign = other_tenant.post("/api/credentials", {"domain_id": domain_id, "username": "x"})
    assert (foreign.status_code, foreign.json()["errors"][0]["pointer"]) == (422, "/domain_id")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("domain_id", "no-uuid"),
        ("domain_id", str(uuid.UUID(int=1))),
        ("username", "two words"),
        ("username", "with@sign"),
        ("username", ""),
        ("display_name", "two\nlines"),
        ("scopes", ["everything"]),
        ("scopes", []),
        ("allowed_ips", ["10.0.0.1/8"]),
        ("allowed_ips", ["somewhere"]),
        ("expires_at", "2020-01-01T00:00:00Z"),
        ("test", "perhaps"),
    ],
)
def test_a_fault_is_named_where_it_is(tenant: Client, domain_id: str, field: str, value: object) -> None:
    refused = tenant.post("/api/credentials", {"domain_id": domain_id, "username": "noreply", field: value})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"].startswith(f"/{field}")


def test_the_audit_log_tells_who_did_what_without_secrets(tenant: Client, domain_id: str) -> None:
    credential = made(tenant, domain_id)
    path = f"/api/credentials/{credential['id']}"
    tenant.request("PATCH", path, json={"display_name": "Renamed"})
    rotated = tenant.post(f"{path}/rotate", {}).json()
    tenant.request("DELETE", path)
    log = tenant.get(f"/api/audit?object_id={credential['id']}").json()["data"]
    assert [entry["action"] for entry in log] == [
        "credential.deleted",
        "credential.rotated",
        "credential.updated",
        "credential.created",
    ]
    assert {entry["actor"] for entry in log} == {"credential"}
    assert all(entry["actor_id"] and entry["ip"] == "127.0.0.1" and entry["request_id"] for entry in log)
    for secret in (credential["api_key"], credential["smtp_password"], rotated["api_key"]):
        assert secret not in str(log)
