"""Nobody waits behind a campaign: bulk mail has a queue and a pool of its own."""

from __future__ import annotations

from deploy.local.cluster import Cluster
from tests.fixtures.api import Client, new_client
from tests.fixtures.database import Database
from tests.fixtures.relay import Relay
from tests.fixtures.waiting import wait_for

BULK = 200


def test_transactional_mail_arrives_while_bulk_mail_is_stuck(
    cluster: Cluster, relay: Relay, database: Database
) -> None:
    crowd, person = new_client(cluster), new_client(cluster)
    cluster.stop("relay")
    message_ids = make_bulk(crowd, database)
    relay.gate.clear()
    try:
        cluster.start("relay")
        wait_for(lambda: relay.held > 0, "bulk mail to be stuck at the relay")
        sent = person.send()
        person.wait_for_status(sent["id"], "sent")
        assert relay.count(message_ids) == 0
    finally:
        relay.gate.set()
    wait_for(lambda: relay.count(message_ids) == BULK, "the bulk mail to arrive")
    wait_for(lambda: database.unfinished(crowd.domain) == 0, "every email to be settled")
    assert {len(relay.received(message_id)) for message_id in message_ids} == {1}


def make_bulk(api: Client, database: Database) -> list[str]:
    """Emails of the bulk stream, whose relay does not answer while the gate is closed."""
    emails = [
        {"to": f"held@{number}.example.com", "subject": "News", "text": "News"} for number in range(100)
    ]
    answers = [api.post("/api/send/batch", {"emails": emails}).json() for _ in range(BULK // 100)]
    database.all(
        "UPDATE emails SET stream = 'bulk' WHERE from_address LIKE :sender RETURNING 1",
        sender=f"%@{api.domain}",
    )
    database.all("UPDATE outbox SET contract = 'SendBulkEmails' RETURNING 1")
    return [item["message_id"] for answer in answers for item in answer["results"]]
