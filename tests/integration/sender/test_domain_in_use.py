"""A domain while mail goes out from it: keys rotate in mid-stream, and bounces come to its own host."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import dkim
import pytest

from deploy.local.cluster import Cluster
from shared.verp import ReturnPaths
from tests.fixtures.api import Client, new_client
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


def test_no_message_fails_to_verify_when_the_key_rotates_in_mid_stream(
    cluster: Cluster, owner: Client, relay: Relay, dns: Dns
) -> None:
    client, domain = sending_from(owner, dns)
    old = record(domain, "dkim")
    sent: list[str] = []

    def stream() -> list[str]:
        """Ten more messages; the selectors that signed them."""
        ids = [client.send()["message_id"] for _ in range(10)]
        wait_for(lambda: relay.count(ids) == len(ids), "the messages to arrive")
        sent.extend(ids)
        return sorted({_selector(relay.received(id)[0]) for id in ids})

    before = stream()
    rotated = owner.post(f"/api/domains/{domain['id']}/dkim/rotate", {}).json()
    new = record(rotated, "dkim", key_status="pending")
    assert record(rotated, "dkim", key_status="active")["name"] == old["name"]
    not_yet = stream()
    unseen = verify(owner, domain)
    assert unseen["status"] == "verified"
    assert record(unseen, "dkim", key_status="pending")["status"] == "missing"
    again = owner.post(f"/api/domains/{domain['id']}/dkim/rotate", {})
    assert (again.status_code, again.json()["code"]) == (409, "rotation_pending")
    dns.set_all(published(rotated))
    changed = verify(owner, domain)
    assert record(changed, "dkim", key_status="active")["name"] == new["name"]
    assert record(changed, "dkim", key_status="retiring")["name"] == old["name"]
    stream()  # a sender may still use the old key, as it remembers it for half a minute
    cluster.stop("sender")
    cluster.start("sender")
    after = stream()
    assert before == not_yet == [old["host"].partition(".")[0]]
    assert after == [new["host"].partition(".")[0]]
    assert all(_verifies(item, dns) for id in sent for item in relay.received(id))


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


def _selector(received: Received) -> str:
    header = "".join(str(received.message["DKIM-Signature"]).split())
    return header.partition(";s=")[2].partition(";")[0]


def _verifies(received: Received, dns: Dns, index: int = 0) -> bool:
    """Whether dkimpy is satisfied with a signature, given the zone as it is now."""
    verifier = dkim.DKIM(received.raw)
    return bool(verifier.verify(idx=index, dnsfunc=lambda name, timeout=5: txt(dns, name.decode())))
