"""Walks every operation of the OpenAPI document with another tenant's ids, and with no key or a bad one."""

from __future__ import annotations

import re
from typing import Any

import pytest
import requests

from tests.fixtures.api import Client, new_client
from tests.fixtures.cluster import Cluster
from tests.fixtures.database import Database
from tests.fixtures.operations import ALL, KEYED, LISTS, WITH_IDS, Operation, makers
from tests.fixtures.waiting import wait_for


@pytest.fixture(scope="module")
def owner(running: Cluster) -> Client:
    """Who owns one of everything."""
    return new_client(running)


@pytest.fixture(scope="module")
def owned(owner: Client, database: Database) -> dict[str, str]:
    """Path parameter → the id of a thing of `owner`'s that it could name."""
    return {name: make() for name, make in makers(owner, database).items()}


#: Lists that change by themselves: a domain is looked at, a key is used.
LIVELY = ("/api/audit", "/api/credentials", "/api/events")


def snapshot(owner: Client) -> list[Any]:
    """What `owner` has, as far as lists show it."""
    shown = []
    for path in (item.path for item in LISTS):
        if path in LIVELY:
            continue
        response = owner.get(path)
        if response.headers["Content-Type"] == "application/json":
            shown.append((path, response.json()))
    return shown


@pytest.fixture(scope="module")
def latest(owner: Client, owned: dict[str, str]) -> list[list[Any]]:
    """The snapshot of what `owner` has that was taken last; the first once nothing works on it any more."""
    taken = [snapshot(owner)]

    def stays() -> bool:
        taken.append(snapshot(owner))
        return taken[-1] == taken[-2]

    wait_for(stays, "what was made to be as it stays")
    return taken[-1:]


@pytest.mark.parametrize("operation", WITH_IDS, ids=lambda item: item.name)
def test_another_tenants_ids_are_404_and_nothing_of_it_changes(
    owner: Client, other_tenant: Client, owned: dict[str, str], latest: list[list[Any]], operation: Operation
) -> None:
    assert set(operation.parameters) <= set(owned), "say in `owned` what this parameter names"
    path = operation.path.format(**owned)
    response = other_tenant.request(operation.method, path, **operation.example())
    assert (response.status_code, response.json()["code"]) == (404, "not_found")
    before = latest.pop()
    latest.append(snapshot(owner))
    assert latest[0] == before


@pytest.mark.parametrize(
    "operation", [item for item in WITH_IDS if item.method == "get"], ids=lambda item: item.name
)
def test_ids_of_ones_own_are_found(owner: Client, owned: dict[str, str], operation: Operation) -> None:
    with owner.get(operation.path.format(**owned), stream=True) as response:  # which may never end
        assert response.status_code == 200


def test_lists_show_nothing_of_another_tenant(
    owner: Client, other_tenant: Client, owned: dict[str, str]
) -> None:
    foreign = {*owned.values(), owner.domain, owner.sender}
    for operation in LISTS:
        text = other_tenant.get(operation.path).text
        assert not [item for item in foreign if item in text], operation.name


@pytest.mark.parametrize("operation", KEYED, ids=lambda item: item.name)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer mm_" + "x" * 40},
        {"Authorization": "Basic bW06eA=="},
        {"X-API-Key": "mm_short"},
        {"X-API-Key": "sk_live_something"},
    ],
    ids=["none", "empty", "unknown", "basic", "short", "foreign"],
)
def test_nothing_is_answered_without_a_key(
    api: Client, operation: Operation, headers: dict[str, str]
) -> None:
    path = re.sub(r"{\w+}", "00000000-0000-7000-8000-000000000000", operation.path)
    response = requests.request(
        operation.method, api.url + path, headers=headers, timeout=10, **operation.example()
    )
    assert response.status_code == 401
    assert response.json()["code"] in {"missing_api_key", "invalid_api_key"}
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


def test_every_operation_takes_a_key_but_these() -> None:
    assert {item.name for item in ALL if not item.keyed and "session" not in item.schemes} == {
        "GET /api/cron/process-scheduled",
        "POST /api/cron/process-scheduled",
        "POST /api/auth/login",
        "POST /api/auth/password-reset",
        "POST /api/auth/password-reset/confirm",
        "POST /api/auth/register",
        "POST /api/webhooks/postfix",
        "POST /api/webhooks/razorpay",
    }
