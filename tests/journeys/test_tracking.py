"""Links go on working whatever is down, and no click is lost or counted twice.

`TRACKER_CLICKS=10000 make test T=tests/journeys/test_tracking.py` is the full measure.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from deploy.local.cluster import Cluster
from tests.fixtures.api import Client
from tests.fixtures.database import Database
from tests.fixtures.mailbox import Letter, receive
from tests.fixtures.own_tracker import own_tracker
from tests.fixtures.relay import Relay
from tests.fixtures.waiting import wait_for

CLICKS = int(os.environ.get("TRACKER_CLICKS", "200"))
SERVERS = ("postgres", "rabbitmq", "redis")
TARGET = "https://shop.example/a?x=1#top"
PAGE = f'<a href="{TARGET}">a</a> <a href="{{{{unsubscribe_url}}}}">out</a>'

pytestmark = pytest.mark.usefixtures("own_servers")


@pytest.fixture
def letter(cluster: Cluster, api: Client, relay: Relay) -> Letter:
    """An email that was delivered while everything ran."""
    return receive(api, relay, PAGE, variables={})


@pytest.fixture
def outage(letter: Letter, cluster: Cluster) -> Iterator[None]:
    """No Postgres, no RabbitMQ, no Redis."""
    for server in SERVERS:
        cluster.stop(server)
    yield
    bring_back(cluster)


def bring_back(cluster: Cluster) -> None:
    """Starts whatever is stopped."""
    for server in SERVERS:
        cluster.start(server)


def clicked(database: Database, letter: Letter) -> tuple[int, int]:
    """(events of clicks, what its recipient's row counts)."""
    ((events,),) = database.all(
        "SELECT count(*) FROM events WHERE email_id = :id AND type = 'email.clicked'", id=letter.id
    )
    ((counted,),) = database.all(
        "SELECT clicks + machine_clicks FROM recipients WHERE email_id = :id", id=letter.id
    )
    return events, counted


def click_all(letter: Letter, count: int) -> None:
    """Clicks its link so often, eight at a time; each must lead to its target."""
    local = threading.local()

    def click(_: int) -> None:
        if not hasattr(local, "session"):
            local.session = requests.Session()
        answer = local.session.get(letter.origin + letter.clicks[0], allow_redirects=False, timeout=30)
        assert (answer.status_code, answer.headers["Location"]) == (302, TARGET)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(click, range(count)))


def test_every_click_leads_on_while_all_servers_are_away_and_is_an_event_once_they_are_back(
    letter: Letter, outage: None, cluster: Cluster, database: Database
) -> None:
    assert letter.get(letter.opens[0]).status_code == 200
    click_all(letter, CLICKS)
    bring_back(cluster)
    wait_for(lambda: clicked(database, letter)[0] >= CLICKS, "every click to be an event", 120)
    assert clicked(database, letter) == (CLICKS, CLICKS)


def test_who_unsubscribes_while_all_servers_are_away_is_unsubscribed_once_they_are_back(
    letter: Letter, outage: None, cluster: Cluster, database: Database
) -> None:
    way_out = letter.origin + letter.leaves[0]
    asked = requests.get(way_out, timeout=30)
    assert (asked.status_code, 'value="unsubscribe"' in asked.text) == (200, True)
    for _ in range(2):
        done = requests.post(
            way_out, data={"List-Unsubscribe": "One-Click"}, allow_redirects=False, timeout=30
        )
        assert (done.status_code, "You are unsubscribed" in done.text) == (200, True)
    assert requests.post(way_out, data={"action": "subscribe"}, timeout=30).status_code == 503
    bring_back(cluster)
    reason = (
        "SELECT reason FROM suppressions JOIN recipients USING (account_id, address) "
        "WHERE recipients.email_id = :id"
    )
    wait_for(lambda: database.all(reason, id=letter.id) == [("unsubscribe",)], "the suppression", 60)
    told = "SELECT count(*) FROM events WHERE email_id = :id AND type = 'email.unsubscribed'"
    assert database.all(told, id=letter.id) == [(1,)]


def test_one_click_works_while_rabbitmq_and_redis_are_away(
    letter: Letter, cluster: Cluster, database: Database
) -> None:
    for server in ("rabbitmq", "redis"):
        cluster.stop(server)
    body = {"List-Unsubscribe": "One-Click"}
    assert requests.post(letter.origin + letter.leaves[0], data=body, timeout=30).status_code == 200
    told = "SELECT count(*) FROM events WHERE email_id = :id AND type = 'email.unsubscribed'"
    assert database.all(told, id=letter.id) == [(1,)]


def test_a_killed_tracker_loses_no_click_that_it_answered_more_than_a_second_before(
    letter: Letter, outage: None, cluster: Cluster, database: Database, tmp_path: Path
) -> None:
    answered: list[tuple[float, int]] = []
    stop = threading.Event()
    with own_tracker(cluster, tmp_path) as doomed:
        clicks = letter.at(doomed.url)

        def click_until_it_dies() -> None:
            while not stop.is_set():
                try:
                    status = clicks.get(letter.clicks[0]).status_code
                    answered.append((time.monotonic(), status))
                except requests.RequestException:
                    return

        threads = [threading.Thread(target=click_until_it_dies) for _ in range(4)]
        for thread in threads:
            thread.start()
        # longer than a second, so that there are clicks that must not be lost
        wait_for(lambda: len(answered) >= CLICKS and answered[-1][0] - answered[0][0] > 2, "many clicks", 120)
        killed = time.monotonic()
        doomed.kill()
        stop.set()
        for thread in threads:
            thread.join()
    assert {status for _, status in answered} == {302}
    safe = sum(moment < killed - 1 for moment, _ in answered)
    assert safe > 0
    bring_back(cluster)
    with own_tracker(cluster, tmp_path):  # what the killed one left is adopted by its successor
        wait_for(lambda: clicked(database, letter)[0] >= safe, "the clicks to be events", 120)
        wait_for(lambda: not list((tmp_path / "tracker").glob("*.hits")), "the spool to be empty")
    events, counted = clicked(database, letter)
    # a click may have been written down whose answer the kill cut off: of each thread one at most
    assert safe <= events <= len(answered) + 4
    assert counted == events


def test_links_of_an_old_master_key_work_and_those_of_no_key_of_ours_do_not(
    letter: Letter, cluster: Cluster, tmp_path: Path
) -> None:
    old = cluster.environment()["MAILMATIC_MASTER_KEYS"]
    fresh = "MzItYnl0ZXMtb2YtYS1rZXktZm9yLWEtcm90YXRpb24="
    for keys, status in ((f"{fresh},{old}", 302), (fresh, 404)):
        home = tmp_path / str(status)
        home.mkdir()
        with own_tracker(cluster, home, MAILMATIC_MASTER_KEYS=keys) as tracker:
            answer = letter.at(tracker.url).get(letter.clicks[0])
            assert (answer.status_code, answer.headers.get("Location") == TARGET) == (status, status == 302)
