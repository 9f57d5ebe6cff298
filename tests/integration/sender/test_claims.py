"""Leases and fencing tokens: whose claim ran out is taken over, and can't write any more."""

from __future__ import annotations

import uuid

from deploy.local.cluster import Cluster
from tests.fixtures.api import Client
from tests.fixtures.database import Database
from tests.fixtures.own_sender import own_sender
from tests.fixtures.relay import Relay
from tests.fixtures.smtp_peers import peer
from tests.fixtures.waiting import wait_for

#: Seconds for which the first sender may hold an email.
LEASE = "2"


def somebody() -> str:
    return f"{uuid.uuid4().hex}@example.com"


def test_email_is_taken_over_when_its_sender_died_and_left_no_journal(
    cluster: Cluster, api: Client, relay: Relay
) -> None:
    with peer() as silent:
        silent.gate.clear()
        with own_sender(cluster, silent.port, MAILMATIC_LEASE_SECONDS=LEASE) as worker:
            sent = api.send(to=somebody())
            wait_for(lambda: silent.arrived, "the email to be in flight")
            worker.kill()
        silent.gate.set()
    cluster.start("sender")
    email = api.wait_for_status(sent["id"], "sent")
    assert email["attempts"] == 2
    assert len(relay.received(sent["message_id"])) == 1


def test_outcome_is_ignored_when_the_claim_ran_out_and_another_sender_took_over(
    cluster: Cluster, api: Client, relay: Relay, database: Database
) -> None:
    with peer() as slow:
        slow.gate.clear()
        slow.says["dot"] = "550 5.1.1 No such user"
        address = somebody()
        with own_sender(cluster, slow.port, MAILMATIC_LEASE_SECONDS=LEASE) as worker:
            sent = api.send(to=address)
            wait_for(lambda: slow.arrived, "the email to be in flight")
            cluster.start("sender")
            email = api.wait_for_status(sent["id"], "sent")
            slow.gate.set()
            wait_for(lambda: worker.says("sender.lease_lost"), "the first sender to learn that it was late")
    assert api.email(sent["id"]) == email
    assert email["attempts"] >= 2
    assert [event["type"] for event in email["events"] if event["source"] == "sender"] == ["email.sent"]
    assert api.get(f"/api/suppressions/{address}").status_code == 404
    assert len(relay.received(sent["message_id"])) == 1
