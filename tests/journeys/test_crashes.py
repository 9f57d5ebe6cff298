"""Killed senders, purged queues and flushed scratchpads: every email arrives."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from deploy.local.cluster import Cluster
from tests.fixtures.api import Client, new_client
from tests.fixtures.database import Database
from tests.fixtures.rabbit import purge
from tests.fixtures.relay import Relay
from tests.fixtures.waiting import wait_for

EMAILS = 2_000
#: One SMTP connection for each thread of the sender, so one message in flight on each.
IN_FLIGHT = 4


@pytest.fixture(scope="module")
def api(running: Cluster) -> Client:
    """A tenant of its own: its emails are counted by their states."""
    return new_client(running)


def queue_emails(api: Client, count: int) -> list[str]:
    """Sends `count` emails, a hundred at a time; returns their Message-IDs."""

    def hundred(_: int) -> list[str]:
        emails = [{"to": f"{uuid.uuid4()}@example.com", "subject": "Hi", "text": "Hi"} for _ in range(100)]
        answer = api.post("/api/send/batch", {"emails": emails})
        return [item["message_id"] for item in answer.json()["results"]]

    with ThreadPoolExecutor(4) as pool:
        return [id for ids in pool.map(hundred, range(count // 100)) for id in ids]


def test_every_email_arrives_when_the_sender_is_killed_in_the_middle(
    cluster: Cluster, api: Client, relay: Relay, database: Database
) -> None:
    cluster.stop("sender")
    message_ids = queue_emails(api, EMAILS)
    cluster.start("sender")
    wait_for(lambda: relay.count(message_ids) >= EMAILS // 4, "a quarter to arrive")
    cluster.kill("sender")
    at_kill = relay.count(message_ids)
    assert at_kill < EMAILS, "the sender was killed too late to prove anything"
    cluster.wait_ready("sender")
    wait_for(lambda: relay.count(message_ids) == EMAILS, "all emails to arrive", 120)
    wait_for(lambda: database.unfinished(api.domain) == 0, "every email to be settled", 120)
    copies = [len(relay.received(message_id)) for message_id in message_ids]
    assert sum(copies) - EMAILS <= IN_FLIGHT
    assert max(copies) <= 2
    assert database.statuses(api.domain).keys() == {"sent"}


@pytest.mark.usefixtures("own_servers")
def test_every_email_arrives_once_when_queues_are_purged_and_redis_is_flushed(
    cluster: Cluster, api: Client, relay: Relay, database: Database
) -> None:
    cluster.stop("sender")
    message_ids = queue_emails(api, 300)
    wait_for(database.outbox_is_empty, "the outbox to be relayed")
    purge(cluster.layout.rabbitmq_url, "sender")
    cluster.stop("redis")
    cluster.start("redis")
    cluster.start("sender")
    wait_for(lambda: relay.count(message_ids) == 300, "all emails to arrive")
    wait_for(lambda: database.unfinished(api.domain) == 0, "every email to be settled")
    assert {len(relay.received(message_id)) for message_id in message_ids} == {1}


def test_sender_that_is_told_to_stop_finishes_what_is_in_flight_and_loses_nothing(
    cluster: Cluster, api: Client, relay: Relay, database: Database
) -> None:
    cluster.stop("sender")
    message_ids = queue_emails(api, EMAILS)
    cluster.start("sender")
    wait_for(lambda: relay.count(message_ids) >= 10, "the first to arrive")
    cluster.stop("sender")
    arrived = relay.count(message_ids)
    assert database.statuses(api.domain).get("sending", 0) == 0, "everything was recorded or given back"
    cluster.start("sender")
    wait_for(lambda: relay.count(message_ids) == EMAILS, "all emails to arrive", 120)
    wait_for(lambda: database.unfinished(api.domain) == 0, "every email to be settled", 120)
    assert {len(relay.received(message_id)) for message_id in message_ids} == {1}
    assert arrived < EMAILS, "the sender was stopped too late to prove anything"
