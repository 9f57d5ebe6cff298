"""A thousand scheduled emails and a Redis that forgets: each is sent, once."""

from __future__ import annotations

import uuid
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


def times(count: int, over: float) -> list[str]:
    """Times for `count` emails, spread over `over` seconds from now on."""
    first = datetime.now(UTC) + timedelta(seconds=1)
    return [(first + timedelta(seconds=over * number / count)).isoformat() for number in range(count)]


def schedule_one_by_one(api: Client, count: int) -> list[str]:
    """A request for each email, to be sent two seconds later."""

    def schedule(_: int) -> str:
        soon = datetime.now(UTC) + timedelta(seconds=2)
        return str(api.send(send_at=soon.isoformat())["message_id"])

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(schedule, range(count)))


def schedule_by_the_hundred(api: Client, send_at: list[str]) -> list[str]:
    """A request for a hundred emails each."""

    def hundred(start: int) -> list[str]:
        emails = [
            {"to": f"{uuid.uuid4()}@example.com", "subject": "Hi", "text": "Hi", "send_at": time}
            for time in send_at[start : start + 100]
        ]
        answer = api.post("/api/send/batch", {"emails": emails})
        return [item["message_id"] for item in answer.json()["results"]]

    with ThreadPoolExecutor(4) as pool:
        return [id for ids in pool.map(hundred, range(0, len(send_at), 100)) for id in ids]


def assert_each_arrives_once(relay: Relay, database: Database, api: Client, message_ids: list[str]) -> None:
    """All arrive, and when nothing is left to do, each has arrived once."""
    wait_for(lambda: relay.count(message_ids) == len(message_ids), "all emails to arrive")
    wait_for(lambda: database.unfinished(api.domain) == 0, "every email to be settled")
    assert {len(relay.received(message_id)) for message_id in message_ids} == {1}


def test_a_thousand_scheduled_emails_arrive_once_when_redis_is_flushed_in_between(
    cluster: Cluster, relay: Relay, database: Database
) -> None:
    api = new_client(cluster)
    message_ids = schedule_by_the_hundred(api, times(EMAILS, over=4))
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
    message_ids = schedule_one_by_one(api, 100)
    assert_each_arrives_once(relay, database, api, message_ids)


def test_scheduled_emails_arrive_once_when_the_scheduler_is_killed(
    cluster: Cluster, relay: Relay, database: Database
) -> None:
    api = new_client(cluster)
    message_ids = schedule_by_the_hundred(api, times(200, over=4))
    cluster.kill("scheduler")
    assert relay.count(message_ids) < 200, "killed too late to prove anything"
    assert_each_arrives_once(relay, database, api, message_ids)
