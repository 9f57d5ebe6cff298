"""A thousand scheduled emails and a Redis that forgets: each is sent, once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import redis

from deploy.local.cluster import Cluster
from tests.fixtures.api import Client, new_client
from tests.fixtures.database import Database
from tests.fixtures.relay import Relay
from tests.fixtures.waiting import wait_for

EMAILS = 1_000


def schedule_emails(api: Client, count: int, *, over: float) -> list[str]:
    """Schedules `count` emails, each for a time of its own within `over` seconds from its making."""

    def one(number: int) -> str:
        send_at = datetime.now(UTC) + timedelta(seconds=1 + over * (number % 100) / 100)
        return str(api.send(send_at=send_at.isoformat())["message_id"])

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(one, range(count)))


def assert_each_arrives_once(relay: Relay, database: Database, api: Client, message_ids: list[str]) -> None:
    """All arrive, and when nothing is left to do, each has arrived once."""
    wait_for(lambda: relay.count(message_ids) == len(message_ids), "all emails to arrive")
    wait_for(lambda: database.unfinished(api.domain) == 0, "every email to be settled")
    assert {len(relay.received(message_id)) for message_id in message_ids} == {1}


def test_a_thousand_scheduled_emails_arrive_once_when_redis_is_flushed_in_between(
    cluster: Cluster, relay: Relay, database: Database
) -> None:
    api = new_client(cluster)
    message_ids = schedule_emails(api, EMAILS, over=8)
    with redis.Redis.from_url(cluster.layout.redis_url) as scratchpad:
        scratchpad.flushall()
    assert relay.count(message_ids) < EMAILS, "flushed too late to prove anything"
    assert_each_arrives_once(relay, database, api, message_ids)


@pytest.mark.usefixtures("own_servers")
def test_scheduled_emails_are_accepted_and_arrive_once_while_redis_is_down(
    cluster: Cluster, relay: Relay, database: Database
) -> None:
    cluster.stop("redis")
    api = new_client(cluster)
    message_ids = schedule_emails(api, 100, over=2)
    assert_each_arrives_once(relay, database, api, message_ids)


def test_scheduled_emails_arrive_once_when_the_scheduler_is_killed(
    cluster: Cluster, relay: Relay, database: Database
) -> None:
    api = new_client(cluster)
    message_ids = schedule_emails(api, 200, over=4)
    cluster.kill("scheduler")
    assert relay.count(message_ids) < 200, "killed too late to prove anything"
    assert_each_arrives_once(relay, database, api, message_ids)
