"""Whom limits stop from signing in, and what a session and a test key are held to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from deploy.local.cluster import Cluster
from tests.fixtures.api import Client, new_client, operator
from tests.fixtures.own_gateway import own_gateway
from tests.fixtures.person import Person, colleague, owner, stranger

#: Windows of a day: none ends while a test is at it.
STRANGER, DAILY = 3, 7


@pytest.fixture(scope="module")
def limited(running: Cluster) -> Iterator[str]:
    """A gateway with low limits, behind one proxy, and a quota for every account without one of its own."""
    with own_gateway(
        running,
        MAILMATIC_RATE_LIMIT_IP=f"{STRANGER}/day",
        MAILMATIC_RATE_LIMIT_LOGIN="4/day",
        MAILMATIC_QUOTA_DAILY=str(DAILY),
        MAILMATIC_TRUSTED_PROXIES="1",
        MAILMATIC_HTTP_WORKERS="1",
    ) as url:
        yield url


def sign_in(person: Person, url: str, address: str, password: str | None = None) -> requests.Response:
    """A sign-in that comes from an address."""
    other = Person(url, person.email, password or person.password)
    other.session.headers["X-Forwarded-For"] = address
    return other.log_in()


def test_who_tries_many_users_from_one_network_is_stopped_even_with_the_right_password(
    running: Cluster, limited: str
) -> None:
    ada = owner(running.layout.url)
    tried = [
        sign_in(stranger(limited), limited, "192.0.2.21", "a guess that is wrong") for _ in range(STRANGER)
    ]
    assert [answer.status_code for answer in tried] == [401] * STRANGER
    assert sign_in(ada, limited, "192.0.2.21").status_code == 429
    assert sign_in(ada, limited, "192.0.2.22").status_code == 200


def test_a_session_is_no_way_to_guess_the_password(running: Cluster, limited: str) -> None:
    ada = Person(limited, owner(running.layout.url).email)
    ada.session.headers["X-Forwarded-For"] = "192.0.2.23"
    assert ada.log_in().status_code == 200
    answers = []
    for number in range(5):
        ada.session.headers["X-Forwarded-For"] = f"192.0.2.{30 + number}"
        guess = {"current_password": f"a guess that is wrong {number}", "new_password": "another good phrase"}
        answers.append(ada.post("/api/auth/password", guess).status_code)
    assert answers == [401] * 4 + [429]
    right = {"current_password": ada.password, "new_password": "another good phrase"}
    assert ada.post("/api/auth/password", right).status_code == 429


@pytest.mark.parametrize("own", [None, "none", "3"])
def test_a_session_has_the_quota_that_a_key_of_the_account_has(
    running: Cluster, limited: str, own: str | None
) -> None:
    tenant = new_client(running)
    account = str(tenant.get("/api/account").json()["id"])
    if own:
        operator(running, "set-quota", account, "--daily", own)
    grace = colleague(running, account, "developer")
    by_session = Person(limited, grace.email)
    by_session.session.headers["X-Forwarded-For"] = "192.0.2.24"
    assert by_session.log_in().status_code == 200
    by_key = Client(limited, tenant.key, tenant.sender).get("/api/usage").json()
    assert by_session.get("/api/usage").json() == by_key
    assert by_key["daily"]["quota"] == {None: DAILY, "none": None, "3": 3}[own]
    email = {"from": tenant.sender, "to": "a@example.com", "subject": "Hi", "text": "Hi"}
    assert by_session.post("/api/send", email).status_code == 202


def test_a_test_key_has_nothing_to_do_with_people(running: Cluster) -> None:
    tenant = new_client(running)
    account = str(tenant.get("/api/account").json()["id"])
    key = operator(running, "create-key", account, tenant.sender, "--test")["api_key"]
    test = Client(tenant.url, key, tenant.sender)
    grace = str(colleague(running, account, "viewer").get("/api/auth/me").json()["user"]["id"])
    for method, path, body in (
        ("POST", "/api/users", {"email": stranger(tenant.url).email, "role": "admin"}),
        ("PATCH", f"/api/users/{grace}", {"role": "admin"}),
        ("DELETE", f"/api/users/{grace}", None),
    ):
        refused = test.request(method, path, json=body)
        assert (refused.status_code, refused.json()["code"]) == (403, "scope_exceeded")
    assert tenant.get(f"/api/users/{grace}").json()["role"] == "viewer"
