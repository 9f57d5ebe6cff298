"""A domain while mail goes out from it: keys rotate in mid-stream, and bounces come to its own host."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import dkim
import pytest

from deploy.local.cluster import Cluster
from shared.verp import ReturnPaths
from tests.fixtures.api import Client, new_client, operator
from tests.fixtures.database import Database
from tests.fixtures.dns_server import Dns
from tests.fixtures.domains import INSTALL, add_domain, published, record, txt, verify
from tests.fixtures.relay import Received, Relay
from tests.fixtures.waiting import wait_for


@pytest.fixture(scope="module")
def owner(running: Cluster) -> Client:
    """Whose domains these are."""
    return new_client(running)


def sending_from(owner: Client, dns: Dns) -> tuple[Client, dict[str, Any]]:
    """A client of a new domain, verified with all its records."""
    domain = add_domain(owner)
    dns.set_all({**INSTALL, **published(domain)})
    domain = verify(owner, domain)
    made = owner.post("/api/credentials", {"domain_id": domain["id"], "username": "hello"}).json()
    return replace(owner, key=made["api_key"], sender=made["email"]), domain


#: How many messages of a stream may be on their way: one is everywhere, in the queue too, at any moment.
AHEAD = 10


class Stream:
    """Messages that are sent one after the other, `AHEAD` of what arrives."""

    def __init__(self, client: Client, relay: Relay) -> None:
        self.ids: list[str] = []
        self.stop = threading.Event()
        self._client = client
        self._relay = relay

    def send(self) -> None:
        """Sends until it is stopped."""
        while not self.stop.is_set():
            if len(self.ids) - self._relay.count(self.ids) < AHEAD:
                self.ids.append(self._client.send()["message_id"])
            else:
                self.stop.wait(0.02)

    def arrived(self, since: int = 0) -> list[Received]:
        """What has arrived of the messages sent, but for the first `since`."""
        return [received for id in self.ids[since:] for received in self._relay.received(id)]

    def selectors(self, since: int = 0) -> set[str]:
        """Whose signatures these have."""
        return {_selector(received) for received in self.arrived(since)}


@contextmanager
def streaming(client: Client, relay: Relay) -> Iterator[Stream]:
    """A stream in a thread of its own; all of it has arrived at the end."""
    stream = Stream(client, relay)
    with ThreadPoolExecutor(1) as thread:
        sending = thread.submit(stream.send)
        try:
            yield stream
        finally:
            stream.stop.set()
    sending.result()
    wait_for(lambda: relay.count(stream.ids) == len(stream.ids), "every message to arrive")


def test_no_message_fails_to_verify_when_the_key_rotates_in_mid_stream(
    cluster: Cluster, owner: Client, relay: Relay, dns: Dns
) -> None:
    client, domain = sending_from(owner, dns)
    old = record(domain, "dkim")
    with streaming(client, relay) as stream:
        wait_for(stream.arrived, "a message")
        rotated = owner.post(f"/api/domains/{domain['id']}/dkim/rotate", {}).json()
        new = record(rotated, "dkim", key_status="pending")
        assert record(rotated, "dkim", key_status="active")["name"] == old["name"]
        unseen = verify(owner, domain)
        assert unseen["status"] == "verified"
        assert record(unseen, "dkim", key_status="pending")["status"] == "missing"
        again = owner.post(f"/api/domains/{domain['id']}/dkim/rotate", {})
        assert (again.status_code, again.json()["code"]) == (409, "rotation_pending")
        # a sender remembers keys for half a minute: a new one knows what is so now
        restart(cluster, stream)
        assert stream.selectors() == {_label(old)}
        dns.set_all(published(rotated))
        changed = verify(owner, domain)
        assert record(changed, "dkim", key_status="active")["name"] == new["name"]
        assert record(changed, "dkim", key_status="retiring")["name"] == old["name"]
        restart(cluster, stream)
        wait_for(lambda: _label(new) in stream.selectors(), "the new key to sign")
    assert stream.selectors() == {_label(old), _label(new)}
    assert [item for item in stream.arrived() if not _verifies(item, dns)] == []


def restart(cluster: Cluster, stream: Stream) -> None:
    """A new sender in mid-stream, until something has gone out by it."""
    cluster.stop("sender")
    since = len(stream.ids)
    cluster.start("sender")
    wait_for(lambda: stream.arrived(since), "a message by the new sender")


def test_both_signatures_verify_when_the_domain_has_an_ed25519_key_too(
    owner: Client, relay: Relay, dns: Dns
) -> None:
    domain = add_domain(owner)
    owner.post(f"/api/domains/{domain['id']}/dkim/rotate", {"algorithm": "ed25519-sha256"})
    domain = owner.get(f"/api/domains/{domain['id']}").json()
    dns.set_all({**INSTALL, **published(domain)})
    verify(owner, domain)
    made = owner.post("/api/credentials", {"domain_id": domain["id"], "username": "hello"}).json()
    sent = replace(owner, key=made["api_key"], sender=made["email"]).send()
    (received,) = wait_for(lambda: relay.received(sent["message_id"]), "the message to arrive")
    assert len(received.message.get_all("DKIM-Signature")) == 2
    assert _verifies(received, dns, 0)
    assert _verifies(received, dns, 1)


def test_mail_is_signed_when_the_operator_vouches_for_a_domain_that_waits(
    running: Cluster, owner: Client, relay: Relay, dns: Dns, database: Database
) -> None:
    domain = add_domain(owner)
    dns.set_all(published(domain))
    ((account,),) = database.all("SELECT account_id FROM domains WHERE id = :id", id=domain["id"])
    operator(running, "add-domain", str(account), domain["domain"], "--verified")
    made = owner.post("/api/credentials", {"domain_id": domain["id"], "username": "hello"}).json()
    sent = replace(owner, key=made["api_key"], sender=made["email"]).send()
    (received,) = wait_for(lambda: relay.received(sent["message_id"]), "the message to arrive")
    assert _verifies(received, dns)


def test_bounces_come_to_the_domains_own_host_when_its_return_path_is_verified(
    running: Cluster, owner: Client, relay: Relay, dns: Dns
) -> None:
    client, domain = sending_from(owner, dns)
    paths = ReturnPaths([running.layout.secret("master-key")])
    one = client.send(to="ada@example.com")
    several = client.send(to=["ada@example.com", "grace@example.com"])
    for sent, position in ((one, 0), (several, None)):
        (received,) = wait_for(lambda: relay.received(sent["message_id"]), "the message to arrive")  # noqa: B023
        assert received.sender.endswith(f"@bounces.{domain['domain']}")
        told = paths.origin(received.sender)
        assert told is not None
        assert (str(told.email_id), told.position) == (sent["id"], position)


def test_bounces_come_to_the_sender_when_there_is_no_return_path(owner: Client, relay: Relay) -> None:
    sent = owner.send()
    (received,) = wait_for(lambda: relay.received(sent["message_id"]), "the message to arrive")
    assert received.sender == owner.sender


def _label(key: dict[str, Any]) -> str:
    """The selector of a key's record."""
    return str(key["host"]).partition(".")[0]


def _selector(received: Received) -> str:
    header = "".join(str(received.message["DKIM-Signature"]).split())
    return header.partition(";s=")[2].partition(";")[0]


def _verifies(received: Received, dns: Dns, index: int = 0) -> bool:
    """Whether dkimpy is satisfied with a signature, given the zone as it is now."""
    verifier = dkim.DKIM(received.raw)
    return bool(verifier.verify(idx=index, dnsfunc=lambda name, timeout=5: txt(dns, name.decode())))
