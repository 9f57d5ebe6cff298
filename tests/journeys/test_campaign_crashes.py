"""A campaign whose fan-out and senders are killed, whose queues are purged and whose scratchpad is flushed.

Every contact has exactly one email, every email arrives, and a kill repeats at most what was in flight.
`KILLS=20 CONTACTS=50000` makes a long night of it; the suite has fewer.
"""

from __future__ import annotations

import os

import pytest

from deploy.local.cluster import Cluster
from tests.fixtures.api import Client, new_client
from tests.fixtures.audiences import draft, fill, new_list
from tests.fixtures.database import Database
from tests.fixtures.rabbit import purge
from tests.fixtures.relay import Relay
from tests.fixtures.waiting import wait_for

KILLS = int(os.environ.get("KILLS", "2"))
CONTACTS = int(os.environ.get("CONTACTS", "1500"))
#: One SMTP connection for each thread of the sender, so one message in flight on each.
IN_FLIGHT = 4
#: How long all of it may take (seconds): a bound, not a measure.
LONGEST = 60 + CONTACTS / 20

_LEDGER = """
    SELECT count(*), count(DISTINCT contact_id), count(DISTINCT email_id) FROM campaign_recipients
    WHERE campaign_id = :id
"""
_SENDING = "SELECT count(*) FROM emails WHERE campaign_id = :id AND status = 'sending'"
_STATUSES = "SELECT status, count(*) FROM emails WHERE campaign_id = :id GROUP BY status"
_EMAILS = "SELECT message_id FROM emails WHERE campaign_id = :id"


@pytest.fixture(scope="module")
def api(running: Cluster) -> Client:
    """A tenant of its own: its emails are counted by their states."""
    return new_client(running)


def begun(api: Client, database: Database, count: int) -> str:
    """A campaign to `count` contacts that is being sent."""
    campaign = draft(api, fill(api, database, new_list(api), count, "{mark}-{n}@example.com"))
    answer = api.request("POST", f"/api/campaigns/{campaign}/send")
    assert answer.status_code == 202, answer.text
    return campaign


def message_ids(database: Database, campaign: str) -> list[str]:
    """Of the campaign's emails so far."""
    return [row.message_id for row in database.all(_EMAILS, id=campaign)]


def copies(relay: Relay, database: Database, campaign: str) -> list[int]:
    """How often each of the campaign's emails has arrived."""
    return [len(relay.received(id)) for id in message_ids(database, campaign)]


def wait_for_arrivals(relay: Relay, database: Database, campaign: str, count: int) -> None:
    """Until `count` of the campaign's emails have arrived."""
    wait_for(lambda: relay.count(message_ids(database, campaign)) >= count, f"{count} to arrive", LONGEST)


def wait_for_the_end(api: Client, campaign: str) -> None:
    """Until the campaign is sent."""
    wait_for(lambda: api.get(f"/api/campaigns/{campaign}").json()["status"] == "sent", "its end", LONGEST)


def test_every_contact_gets_one_email_when_fan_out_and_senders_are_killed(
    cluster: Cluster, api: Client, relay: Relay, database: Database
) -> None:
    campaign = begun(api, database, CONTACTS)
    for number in range(1, KILLS + 1):
        goal = number * CONTACTS // (KILLS + 1)
        wait_for_arrivals(relay, database, campaign, goal)
        cluster.kill("campaigns")
        cluster.kill("sender-bulk")
        assert relay.count(message_ids(database, campaign)) < CONTACTS, "killed too late to prove anything"
        cluster.wait_ready("campaigns")
        cluster.wait_ready("sender-bulk")
    wait_for_the_end(api, campaign)
    assert database.all(_LEDGER, id=campaign) == [(CONTACTS, CONTACTS, CONTACTS)]
    arrived = copies(relay, database, campaign)
    assert (len(arrived), min(arrived)) == (CONTACTS, 1)
    assert sum(arrived) - CONTACTS <= KILLS * IN_FLIGHT
    assert database.statuses(api.domain).keys() == {"sent"}


@pytest.mark.usefixtures("own_servers")
def test_a_campaign_ends_complete_when_queues_are_purged_and_redis_is_flushed_in_its_middle(
    cluster: Cluster, api: Client, relay: Relay, database: Database
) -> None:
    cluster.stop("sender-bulk")
    campaign = begun(api, database, 600)
    wait_for(lambda: len(message_ids(database, campaign)) == 600, "the fan-out")
    wait_for(database.outbox_is_empty, "the nudges to be relayed")
    for queue in ("sender-bulk", "campaigns"):
        purge(cluster.layout.rabbitmq_url, queue)
    cluster.stop("redis")
    cluster.start("redis")
    cluster.start("sender-bulk")
    wait_for_the_end(api, campaign)
    assert database.all(_LEDGER, id=campaign) == [(600, 600, 600)]
    assert set(copies(relay, database, campaign)) == {1}


def test_a_campaign_at_full_speed_is_paused_resumed_and_cancelled_and_nobody_gets_two(
    api: Client, relay: Relay, database: Database
) -> None:
    campaign = begun(api, database, CONTACTS)

    def halt(move: str, goal: int) -> int:
        """How many have arrived once nothing is on its way any more."""
        wait_for_arrivals(relay, database, campaign, goal)
        assert api.request("POST", f"/api/campaigns/{campaign}/{move}").status_code == 200
        wait_for(lambda: database.all(_SENDING, id=campaign) == [(0,)], "what was begun to end")
        return relay.count(message_ids(database, campaign))

    paused_at = halt("pause", CONTACTS // 5)
    assert paused_at < CONTACTS, "paused too late to prove anything"
    assert api.request("POST", f"/api/campaigns/{campaign}/resume").status_code == 200
    assert halt("cancel", paused_at + CONTACTS // 5) < CONTACTS, "cancelled too late to prove anything"
    wait_for(lambda: dict(database.all(_STATUSES, id=campaign)).keys() == {"sent", "cancelled"}, "its end")
    arrived = copies(relay, database, campaign)
    assert (max(arrived), sum(arrived)) == (1, dict(database.all(_STATUSES, id=campaign))["sent"])
