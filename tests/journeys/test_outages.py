"""With RabbitMQ or Redis away mail is accepted and arrives later, once; with Postgres away nothing is."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from deploy.local.cluster import Cluster
from tests.fixtures.api import Client
from tests.fixtures.cluster import wait_for_fresh_connections
from tests.fixtures.relay import Relay
from tests.fixtures.waiting import wait_for

SENDS = 200

pytestmark = pytest.mark.usefixtures("own_servers")


@pytest.fixture
def stopped(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[str]:
    """A server that is stopped while the test runs, started again by the test or after it."""
    cluster.stop(request.param)
    return request.param


@pytest.mark.parametrize("stopped", ["rabbitmq", "redis"], indirect=True)
def test_200_sends_are_accepted_while_it_is_away_and_arrive_once_when_it_is_back(
    stopped: str, cluster: Cluster, api: Client, relay: Relay
) -> None:
    with ThreadPoolExecutor(8) as pool:
        sent = list(pool.map(lambda _: api.send(), range(SENDS)))
    message_ids = [answer["message_id"] for answer in sent]
    assert len(set(message_ids)) == SENDS
    cluster.start(stopped)
    wait_for(lambda: relay.count(message_ids) == SENDS, "all emails to arrive")
    for answer in sent:
        api.wait_for_status(answer["id"], "sent")
    assert [len(relay.received(message_id)) for message_id in message_ids] == [1] * SENDS


@pytest.mark.parametrize("stopped", ["postgres"], indirect=True)
def test_send_answers_503_and_accepts_nothing_while_postgres_is_away(
    stopped: str, cluster: Cluster, api: Client
) -> None:
    body = {"from": api.sender, "to": "a@example.com", "subject": "no", "text": "no"}
    for _ in range(5):
        response = api.post("/api/send", body)
        assert response.status_code == 503
        assert int(response.headers["Retry-After"]) > 0
        assert response.json()["code"] == "database_unavailable"
    assert requests.get(f"{api.url}/readyz", timeout=10).status_code == 503
    assert requests.get(f"{api.url}/healthz", timeout=10).status_code == 200
    cluster.start(stopped)
    wait_for_fresh_connections(cluster)
    wait_for(lambda: api.get("/api/emails?limit=1").ok, "the gateway to find Postgres again")
    found = api.get("/api/logs", params={"search": "no"}).json()
    assert [item for item in found["logs"] if item["subject"] == "no"] == []
    answer = api.send(subject="yes")
    api.wait_for_status(answer["id"], "sent")
