"""Who may do what: every operation, every role and scope, one's own things and another account's.

Asked from both sides: by those of one account, and by those of the other, for the things of either.
"""

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
from tests.fixtures.operations import ALL, WITH_IDS, Operation, makers
from tests.fixtures.person import Person, colleague

#: Security schemes for which nobody's key will do, and the code that says so.
WITH_SECRET = {
    "cron": "invalid_cron_secret",
    "mta": "invalid_webhook_secret",
    "razorpay": "invalid_signature",
}

#: Codes that say: not you.
SHUT = {
    "missing_api_key",
    "invalid_api_key",
    "invalid_session",
    *WITH_SECRET.values(),
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
    #: which account they are of
    home: str = "one"
    #: whether they show the CSRF token of their session
    csrf: bool = True

    def ask(self, operation: Operation, path: str) -> requests.Response:
        """Their request; its answer is the caller's to close."""
        body = operation.example()
        if self.person:
            headers = {} if self.csrf else {"X-CSRF-Token": ""}
            person = self._as_person(operation)
            return person.request(operation.method, path, headers=headers, stream=True, **body)
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        url = self.url + path
        return requests.request(operation.method, url, headers=headers, timeout=40, stream=True, **body)

    def _as_person(self, operation: Operation) -> Person:
        """With another browser where the operation begins or ends a session."""
        assert self.person
        other = self.person.elsewhere()
        if operation.path == "/api/auth/logout":
            other.log_in()
            return other
        return self.person if operation.schemes else other


@dataclass(frozen=True)
class Account:
    """An account whose things are asked for: `make` makes one of a kind, `ids` has one of each that stays."""

    client: Client
    make: dict[str, Callable[[], str]]
    ids: dict[str, str]
    owner: Person


@pytest.fixture(scope="module")
def accounts(running: Cluster, database: Database) -> dict[str, Account]:
    """Two of them."""
    found = {}
    for name in ("one", "other"):
        client = new_client(running)
        make = makers(client, database)
        ids = {kind: one() for kind, one in make.items()}
        owner = colleague(running, id_of(client), "owner")
        (session,) = owner.get("/api/auth/sessions").json()["data"]
        found[name] = Account(client, make, {**ids, "session_id": session["id"]}, owner)
    return found


def id_of(client: Client) -> str:
    """The id of a client's account."""
    return str(client.get("/api/account").json()["id"])


@pytest.fixture(scope="module")
def visitors(running: Cluster, accounts: dict[str, Account], database: Database) -> list[Visitor]:
    """Nobody; a person of each role; a key of each scope, and of all; and those of the other account."""
    one, other = accounts["one"].client, accounts["other"].client
    ((domain_id,),) = database.all("SELECT id FROM domains WHERE name = :name", name=one.domain)

    def key(scopes: list[str] | None) -> str:
        body = {"domain_id": str(domain_id), "username": "x", "scopes": scopes}
        return str(one.post("/api/credentials", body).json()["api_key"])

    url, everything = one.url, frozenset(SCOPES)
    people = {role: colleague(running, id_of(one), role) for role in ROLE_SCOPES}
    stranger = colleague(running, id_of(other), "owner")
    return [
        Visitor("nobody", url),
        *(Visitor(role, url, scopes, person=people[role]) for role, scopes in ROLE_SCOPES.items()),
        Visitor("owner without CSRF token", url, everything, person=people["owner"], csrf=False),
        *(Visitor(f"key for {scope}", url, frozenset({scope}), key([scope])) for scope in SCOPES),
        Visitor("key for everything", url, everything, key(None)),
        Visitor("key of the other account", url, everything, other.key, home="other"),
        Visitor("owner of the other account", url, everything, person=stranger, home="other"),
    ]


def expected(visitor: Visitor, operation: Operation, *, is_own: bool) -> str:
    """What the document promises this visitor: `open`, or why not."""
    if operation.schemes <= WITH_SECRET.keys():
        return WITH_SECRET[min(operation.schemes)] if operation.schemes else "open"
    if not (visitor.key or visitor.person):
        return "missing_api_key"
    if operation.schemes == {"session"} and not visitor.person:
        return "session_required"
    if not visitor.csrf and operation.method != "get":
        return "csrf_failed"
    needed = operation.spec.get("x-scopes")
    if needed and not visitor.scopes.intersection(needed):
        return "insufficient_scope"
    return "open" if is_own or not operation.parameters else "not_found"


def told(response: requests.Response) -> str:
    """What a response means for access: `open` if it was let in, whatever it then said of the request."""
    with response:
        assert response.status_code < 500, response.text
        if response.status_code < 400:
            return "open"  # and may never end
        code = str(response.json()["code"])
    return code if code in {*SHUT, "not_found"} else "open"


@pytest.mark.parametrize("operation", ALL, ids=lambda item: item.name)
def test_operation_is_open_to_those_it_says_and_to_nobody_else(
    operation: Operation, visitors: list[Visitor], accounts: dict[str, Account]
) -> None:
    wrong = []
    for visitor in visitors:
        for is_own in (True, False) if operation.parameters else (True,):
            cell = expected(visitor, operation, is_own=is_own)
            path = path_for(operation, visitor, accounts, is_own=is_own, is_used=cell == "open")
            got = told(visitor.ask(operation, path))
            if got != cell:
                wrong.append((visitor.name, "own" if is_own else "foreign", got, f"not {cell}"))
    assert wrong == []


def path_for(
    operation: Operation,
    visitor: Visitor,
    accounts: dict[str, Account],
    *,
    is_own: bool,
    is_used: bool,
) -> str:
    """The path with ids of the visitor's account, or of the other; a fresh thing where it may be used up."""
    theirs = accounts[visitor.home if is_own else {"one": "other", "other": "one"}[visitor.home]]
    ids: dict[str, Any] = {}
    for name in operation.parameters:
        if not (is_own and is_used):
            ids[name] = theirs.ids[name]
        elif name == "session_id":
            ids[name] = another_session(visitor)
        else:
            ids[name] = theirs.make[name]()
    return operation.path.format(**ids)


def another_session(visitor: Visitor) -> str:
    """The id of one more session of a visitor who is signed in."""
    assert visitor.person
    visitor.person.elsewhere().log_in()
    listed = visitor.person.get("/api/auth/sessions").json()["data"]
    return str(next(item["id"] for item in listed if not item["current"]))


def test_what_is_of_either_account_was_left_alone_by_those_of_the_other(
    accounts: dict[str, Account],
) -> None:
    """After all of the above: the things that only others asked for are there still."""
    for account in accounts.values():
        assert account.owner.get("/api/auth/me").status_code == 200
        for operation in WITH_IDS:
            if operation.method == "get":
                path = operation.path.format(**account.ids)
                with account.client.get(path, stream=True) as response:
                    assert response.status_code == 200


def test_nothing_is_told_of_ids_to_those_who_may_not_ask(visitors: list[Visitor]) -> None:
    stranger = replace(visitors[0], name="with a made-up key", key=f"mm_{uuid.uuid4().hex}")
    paths = {item: re.sub(r"{\w+}", str(uuid.UUID(int=0)), item.path) for item in ALL if item.keyed}
    assert {told(stranger.ask(item, path)) for item, path in paths.items()} == {"invalid_api_key"}
