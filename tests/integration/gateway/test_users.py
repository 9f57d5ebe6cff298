"""The people of an account: invited, given roles, removed; and an owner there always is."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from deploy.local.cluster import Cluster
from tests.fixtures.api import Client, new_client, operator
from tests.fixtures.own_gateway import own_gateway
from tests.fixtures.person import Person, colleague, owner, set_password, stranger
from tests.fixtures.relay import Relay
from tests.integration.gateway.test_auth import code, token_mailed_to


@pytest.fixture
def ada(running: Cluster) -> Person:
    """The first owner of an account."""
    return owner(running.layout.url)


def user_id(person: Person) -> str:
    return str(person.get("/api/auth/me").json()["user"]["id"])


def account_id(person: Person) -> str:
    return str(person.get("/api/account").json()["id"])


def test_invited_user_sets_a_password_with_the_token_and_has_the_role(ada: Person) -> None:
    grace = stranger(ada.url)
    invited = ada.post("/api/users", {"email": grace.email, "name": "Grace", "role": "developer"})
    assert invited.status_code == 201
    assert grace.log_in().status_code == 401
    set_password(grace, invited.json()["invitation_token"])
    me = grace.log_in().json()
    assert (me["user"]["role"], me["account"]["id"]) == ("developer", account_id(ada))
    assert "admin" not in me["scopes"]
    assert {item["email"] for item in ada.get("/api/users").json()["data"]} == {ada.email, grace.email}
    assert ada.get(f"/api/users/{invited.json()['id']}").json()["last_login_at"]


def test_invitation_is_mailed_where_the_install_sends_mail(cluster: Cluster, relay: Relay) -> None:
    sender = new_client(cluster).sender
    with own_gateway(cluster, MAILMATIC_SYSTEM_SENDER=sender) as url:
        ada, grace = owner(url), stranger(url)
        invited = ada.post("/api/users", {"email": grace.email, "role": "viewer"})
        assert invited.json()["invitation_token"] is None
        set_password(grace, token_mailed_to(relay, grace.email))
        assert grace.log_in().status_code == 200


def test_role_that_changes_holds_from_the_next_request_on(running: Cluster, ada: Person) -> None:
    grace = colleague(running, account_id(ada), "viewer")
    assert code(grace.post("/api/suppressions", {"email": "a@example.com"})) == (403, "insufficient_scope")
    ada.request("PATCH", f"/api/users/{user_id(grace)}", json={"role": "developer"})
    assert grace.post("/api/suppressions", {"email": "a@example.com"}).status_code == 201


def test_session_ends_when_its_user_is_removed(running: Cluster, ada: Person) -> None:
    grace = colleague(running, account_id(ada), "admin")
    assert ada.request("DELETE", f"/api/users/{user_id(grace)}").status_code == 204
    assert code(grace.get("/api/auth/me")) == (401, "invalid_session")
    assert code(grace.elsewhere().log_in()) == (401, "invalid_login")


def test_only_owners_make_change_and_remove_owners(running: Cluster, ada: Person) -> None:
    admin = colleague(running, account_id(ada), "admin")
    theirs = user_id(ada)
    new = {"email": stranger(ada.url).email, "role": "owner"}
    for method, path, body in (
        ("POST", "/api/users", new),
        ("PATCH", f"/api/users/{theirs}", {"role": "viewer"}),
        ("PATCH", f"/api/users/{user_id(admin)}", {"role": "owner"}),
        ("DELETE", f"/api/users/{theirs}", None),
    ):
        assert code(admin.request(method, path, json=body)) == (403, "owners_only")
    assert ada.request("PATCH", f"/api/users/{user_id(admin)}", json={"role": "owner"}).status_code == 200


def test_last_owner_stays(ada: Person) -> None:
    path = f"/api/users/{user_id(ada)}"
    assert code(ada.request("PATCH", path, json={"role": "admin"})) == (409, "last_owner")
    assert code(ada.request("DELETE", path)) == (409, "last_owner")
    assert ada.request("PATCH", path, json={"name": "Ada"}).json()["name"] == "Ada"


def test_deactivated_user_is_out_at_once_and_old_sessions_stay_void_when_they_are_back(
    running: Cluster, ada: Person
) -> None:
    grace = colleague(running, account_id(ada), "developer")
    path = f"/api/users/{user_id(grace)}"
    token = operator(running, "reset-password", grace.email)["token"]
    assert ada.request("PATCH", path, json={"active": False}).json()["active"] is False
    assert code(grace.get("/api/auth/me")) == (401, "invalid_session")
    assert code(grace.elsewhere().log_in()) == (401, "invalid_login")
    by_token = {"token": token, "password": grace.password}
    assert code(grace.elsewhere().post("/api/auth/password-reset/confirm", by_token)) == (
        422,
        "invalid_token",
    )
    assert ada.request("PATCH", path, json={"active": True}).json()["active"] is True
    assert code(grace.get("/api/auth/me")) == (401, "invalid_session")
    assert grace.log_in().status_code == 200


def test_only_owners_deactivate_owners_and_the_last_one_stays(running: Cluster, ada: Person) -> None:
    admin, second = (colleague(running, account_id(ada), role) for role in ("admin", "owner"))
    path = f"/api/users/{user_id(ada)}"
    assert code(admin.request("PATCH", path, json={"active": False})) == (403, "owners_only")
    other = f"/api/users/{user_id(second)}"
    assert ada.request("PATCH", other, json={"active": False}).status_code == 200
    assert code(ada.request("PATCH", path, json={"active": False})) == (409, "last_owner")
    assert code(ada.request("PATCH", path, json={"role": "viewer"})) == (409, "last_owner")
    assert code(admin.request("PATCH", other, json={"active": True})) == (403, "owners_only")
    assert ada.request("PATCH", other, json={"role": "viewer"}).status_code == 200


def test_one_owner_stays_when_two_resign_at_once(running: Cluster, ada: Person) -> None:
    grace = colleague(running, account_id(ada), "owner")
    both = [(ada, user_id(ada)), (grace, user_id(grace))]
    with ThreadPoolExecutor(2) as pool:
        answers = list(
            pool.map(
                lambda item: item[0].request("PATCH", f"/api/users/{item[1]}", json={"role": "admin"}), both
            )
        )
    assert sorted(item.status_code for item in answers) == [200, 409]


def test_users_of_another_account_are_not_there(ada: Person, api: Client) -> None:
    path = f"/api/users/{user_id(ada)}"
    other = owner(ada.url)
    assert code(other.get(path)) == (404, "not_found")
    assert code(other.request("PATCH", path, json={"name": "Eve"})) == (404, "not_found")
    assert code(other.request("DELETE", path)) == (404, "not_found")
    assert code(api.get(path)) == (404, "not_found")


def test_address_is_invited_once(ada: Person) -> None:
    body = {"email": ada.email.upper(), "role": "viewer"}
    assert code(ada.post("/api/users", body)) == (409, "email_taken")
