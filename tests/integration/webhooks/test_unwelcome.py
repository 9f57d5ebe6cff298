"""Endpoints that get nothing: in networks where webhooks don't go, whatever the DNS says in between, and
switched off, which their owners are told by mail.
"""

from __future__ import annotations

import socket
import socketserver
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

import dns.message
import dns.rrset
import pytest

from deploy.local.cluster import Cluster
from deploy.local.ports import HOST
from tests.fixtures.api import Client, new_client
from tests.fixtures.database import Database
from tests.fixtures.hooks import Hooks, running_hooks
from tests.fixtures.own_worker import own_worker
from tests.fixtures.person import Person, owner
from tests.fixtures.relay import Relay
from tests.fixtures.waiting import wait_for

ALLOWED, FORBIDDEN = HOST, "127.0.0.2"
_OURS = ("webhooks-out", "webhooks-slow")
_COMMAND = ("dramatiq", "services.webhooks.worker", "--processes", "1", "--threads", "4", "--queues", *_OURS)


@dataclass
class Rebinding:
    """A DNS server of somebody who means ill: each question for an address gets the next of its answers."""

    port: int = 0
    asked: int = 0
    answers: Iterator[tuple[str, ...]] = field(default_factory=lambda: cycle([(ALLOWED,), (FORBIDDEN,)]))

    def reply(self, wire: bytes) -> bytes:
        """The answer to a question."""
        question = dns.message.from_wire(wire)
        response = dns.message.make_response(question)
        name, type = question.question[0].name, question.question[0].rdtype
        if type == dns.rdatatype.A:
            self.asked += 1
            response.answer.append(dns.rrset.from_text(name, 0, "IN", "A", *next(self.answers)))
        return response.to_wire()


@contextmanager
def running_rebinding() -> Iterator[Rebinding]:
    zone = Rebinding()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            """Answers one packet."""
            self.request[1].sendto(zone.reply(self.request[0]), self.client_address)

    with socketserver.ThreadingUDPServer((HOST, 0), Handler) as server:
        zone.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield zone
        server.shutdown()
        thread.join(10)


@pytest.fixture(scope="module")
def hooks() -> Iterator[Hooks]:
    with running_hooks() as running:
        yield running


@pytest.fixture(scope="module")
def zone(running: Cluster) -> Iterator[Rebinding]:
    """Of a worker that may connect to one address alone, and sends mail of its own."""
    for name in _OURS:
        running.stop(name)
    try:
        with (
            running_rebinding() as zone,
            own_worker(
                running,
                "own-webhooks",
                _COMMAND,
                MAILMATIC_DNS_RESOLVERS=f"{HOST}:{zone.port}",
                MAILMATIC_WEBHOOK_NETWORKS=f"{ALLOWED}/32",
                MAILMATIC_SYSTEM_SENDER=f"Mailmatic <{new_client(running).sender}>",
            ),
        ):
            yield zone
    finally:
        for name in _OURS:
            running.start(name)


@pytest.fixture
def ada(running: Cluster, zone: Rebinding) -> Person:
    """An owner who is signed in."""
    return owner(running.layout.url)


def endpoint(who: Person | Client, url: str) -> str:
    """The path of a new endpoint."""
    made = who.post("/api/webhook-endpoints", {"url": url})
    assert made.status_code == 201, made.text
    return f"/api/webhook-endpoints/{made.json()['id']}"


def tried(who: Person | Client, base: str) -> dict[str, Any]:
    """A test event, once it has been tried."""
    path = f"{base}/deliveries/{who.post(f'{base}/test', {}).json()['id']}"
    wait_for(lambda: who.get(path).json()["tries"], "the attempt")
    return dict(who.get(path).json())


def test_a_name_that_is_rebound_between_check_and_connection_leads_nowhere_else(
    client: Client, zone: Rebinding, hooks: Hooks
) -> None:
    at = f"/ok/{uuid.uuid4().hex}"
    with socket.socket() as secret:
        secret.bind((FORBIDDEN, hooks.port))
        secret.listen()
        secret.setblocking(False)
        base = endpoint(client, f"http://rebound.example.com:{hooks.port}{at}")
        assert tried(client, base)["tries"][0]["status"] == 200
        assert zone.asked == 1, "whoever asks twice may be told something else"
        (attempt,) = tried(client, base)["tries"]
        assert "network that webhooks are not sent to" in attempt["error"]
        zone.answers = cycle([(FORBIDDEN, ALLOWED)])
        assert tried(client, base)["tries"][0]["status"] == 200
        with pytest.raises(BlockingIOError):  # nobody has connected
            secret.accept()
    assert {hook.headers["host"] for hook in hooks.at(at)} == {f"rebound.example.com:{hooks.port}"}


def test_owner_gets_a_mail_when_an_endpoint_says_that_it_is_gone(
    ada: Person, hooks: Hooks, relay: Relay
) -> None:
    url = hooks.url(f"/gone/{uuid.uuid4().hex}")
    base = endpoint(ada, url)
    assert tried(ada, base)["tries"][0]["status"] == 410
    text = mail_to(relay, ada)
    assert url in text
    assert "410 Gone" in text
    assert f"PATCH {base}" in text
    shown = ada.get(base).json()
    assert (shown["active"], shown["disabled_reason"]) == (False, "gone")


def test_endpoint_is_switched_off_after_five_days_of_failures_and_its_owner_told(
    ada: Person, hooks: Hooks, relay: Relay, database: Database
) -> None:
    base = endpoint(ada, hooks.url(f"/500/{uuid.uuid4().hex}"))
    failing_for(database, base, "4 days 23 hours")
    tried(ada, base)
    assert ada.get(base).json()["active"] is True
    failing_for(database, base, "5 days 1 minute")
    tried(ada, base)
    text = mail_to(relay, ada)
    assert "has not taken a single event for days" in text
    shown = ada.get(base).json()
    assert (shown["active"], shown["disabled_reason"]) == (False, "failing")
    (entry,) = ada.get("/api/audit", params={"action": "webhook_endpoint.disabled"}).json()["data"]
    assert entry["object_id"] == base.rpartition("/")[2]


def failing_for(database: Database, base: str, span: str) -> None:
    """As if it had failed for so long, and is due again."""
    database.run(
        "UPDATE webhook_endpoints SET failures = 1, paused_until = NULL, "
        "failing_since = now() - CAST(:span AS interval) WHERE id = :id",
        span=span,
        id=base.rpartition("/")[2],
    )


def mail_to(relay: Relay, who: Person) -> str:
    """The text of the one mail to somebody."""

    def mails() -> list[str]:
        found = [item for items in relay.by_message_id.values() for item in items]
        return [item.message.get_content() for item in found if who.email in item.recipients]

    (text,) = wait_for(mails, f"a mail to {who.email}")
    return text


@pytest.fixture
def client(running: Cluster, zone: Rebinding) -> Client:
    """An account of its own."""
    return new_client(running)
