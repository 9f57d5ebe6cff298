"""Who may do what: every operation, every role and scope, one's own things and another account's."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
import requests

from deploy.local.cluster import Cluster
from services.gateway.scopes import ROLE_SCOPES, SCOPES
from tests.fixtures.api import Client, new_client
from tests.fixtures.database import Database
from tests.fixtures.operations import ALL, Operation, makers
from tests.fixtures.person import Person, colleague

#: Codes that say: not you.
SHUT = {
    "missing_api_key",
    "invalid_api_key",
    "invalid_session",
    "invalid_cron_secret",
    "insufficient_scope",
    "session_required",
    "csrf_failed",
}


@dataclass(frozen=True)
class Visitor:
    """Somebody who asks: `scopes` is what they may do; `person` is set where they are signed in."""

    name: str
    url: str
    scopes: frozenset[str] = frozenset()
    key: str | None = None
    person: Person | None = None

    def ask(self, operation: Operation, path: str) -> requests.Response:
        """Their request."""
        body = operation.example()
        if self.person:
            return self._as_person(operation).request(operation.method, path, **body)
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        return requests.request(operation.method, self.url + path, headers=headers, timeout=40, **body)

    def _as_person(self, operation: Operation) -> Person:
        """With another browser where the operation begins or ends a session."""
        assert self.person
        other = self.person.elsewhere()
        if operation.path == "/api/auth/logout":
            other.log_in()
            return other
        return self.person if operation.schemes else other


@pytest.fixture(scope="module")
def account(running: Cluster) -> Client:
    """The account whose things are asked for, by a key that may do everything."""
    return new_client(running)


@pytest.fixture(scope="module")
def visitors(running: Cluster, account: Client, database: Database) -> list[Visitor]:
    """Nobody; a person of each role; a key of each scope, and of all."""
    ((domain_id, account_id),) = database.all(
        "SELECT id, account_id FROM domains WHERE name = :name", name=account.domain
    )

    def key(scopes: list[str] | None) -> str:
        body = {"domain_id": str(domain_id), "username": "x", "scopes": scopes}
        return str(account.post("/api/credentials", body).json()["api_key"])

    url = account.url
    return [
        Visitor("nobody", url),
        *(
            Visitor(role, url, scopes, person=colleague(running, str(account_id), role))
            for role, scopes in ROLE_SCOPES.items()
        ),
        *(Visitor(f"key for {scope}", url, frozenset({scope}), key([scope])) for scope in SCOPES),
        Visitor("key for everything", url, frozenset(SCOPES), key(None)),
    ]


@pytest.fixture(scope="module")
def own(account: Client, database: Database) -> dict[str, Callable[[], str]]:
    """Path parameter → makes a thing of the account's."""
    return makers(account, database)


@pytest.fixture(scope="module")
def foreign(other_tenant: Client, database: Database) -> dict[str, str]:
    """Path parameter → a thing of another account's."""
    found = {name: make() for name, make in makers(other_tenant, database).items()}
    return {**found, "session_id": "0" * 64}


def expected(visitor: Visitor, operation: Operation, *, is_own: bool) -> str:
    """What the document promises this visitor: `open`, or why not."""
    if not operation.schemes:
        return "open"
    if operation.schemes == {"cron"}:
        return "invalid_cron_secret"
    if not (visitor.key or visitor.person):
        return "missing_api_key"
    if operation.schemes == {"session"} and not visitor.person:
        return "session_required"
    needed = operation.spec.get("x-scopes")
    if needed and not visitor.scopes.intersection(needed):
        return "insufficient_scope"
    return "open" if is_own or not operation.parameters else "not_found"


def told(response: requests.Response) -> str:
    """What a response means for access: `open` if it was let in, whatever it then said of the request."""
    assert response.status_code < 500, response.text
    if response.status_code < 400:
        return "open"
    code = str(response.json()["code"])
    return code if code in {*SHUT, "not_found"} else "open"


@pytest.mark.parametrize("operation", ALL, ids=lambda item: item.name)
def test_operation_is_open_to_those_it_says_and_to_nobody_else(
    operation: Operation,
    visitors: list[Visitor],
    own: dict[str, Callable[[], str]],
    foreign: dict[str, str],
) -> None:
    wrong = []
    for visitor in visitors:
        for is_own in (True, False) if operation.parameters else (True,):
            cell = expected(visitor, operation, is_own=is_own)
            path = path_for(operation, visitor, own, foreign, is_own=is_own, is_needed=cell == "open")
            got = told(visitor.ask(operation, path))
            if got != cell:
                wrong.append((visitor.name, "own" if is_own else "foreign", got, f"not {cell}"))
    assert wrong == []


def path_for(
    operation: Operation,
    visitor: Visitor,
    own: dict[str, Callable[[], str]],
    foreign: dict[str, str],
    *,
    is_own: bool,
    is_needed: bool,
) -> str:
    """The path with ids: foreign ones, or a fresh thing of the account's where it will be looked at."""
    ids: dict[str, Any] = {}
    for name in operation.parameters:
        if not is_own or not is_needed:
            ids[name] = foreign[name]
        elif name == "session_id":
            ids[name] = another_session(visitor)
        else:
            ids[name] = own[name]()
    return operation.path.format(**ids)


def another_session(visitor: Visitor) -> str:
    """The id of one more session of a visitor who is signed in."""
    assert visitor.person
    visitor.person.elsewhere().log_in()
    listed = visitor.person.get("/api/auth/sessions").json()["data"]
    return str(next(item["id"] for item in listed if not item["current"]))


def test_nothing_is_told_of_ids_to_those_who_may_not_ask(visitors: list[Visitor]) -> None:
    stranger = replace(visitors[0], name="with a made-up key", key=f"mm_{uuid.uuid4().hex}")
    paths = {item: re.sub(r"{\w+}", str(uuid.UUID(int=0)), item.path) for item in ALL if item.keyed}
    assert {told(stranger.ask(item, path)) for item, path in paths.items()} == {"invalid_api_key"}
