"""Statistics equal a recount of the raw events, to the last one; and GET /api/stats sums them."""

from __future__ import annotations

import os
import random
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from services.tracker.hits import CLICK, OPEN, Hit
from services.tracker.record import record
from shared.clock import now
from shared.ids import id_floor, new_id
from tests.fixtures.api import Client, new_client
from tests.fixtures.cluster import Cluster
from tests.fixtures.database import Database
from tests.fixtures.mailbox import BROWSER
from tests.fixtures.postfix_events import event, say
from tests.fixtures.recount import by_day, kept, kept_by_day, recounted
from tests.fixtures.waiting import wait_for

#: Emails of the mixed load.
EMAILS = int(os.environ.get("STATS_EMAILS", "120"))
_EACH = 40
_WHO = ("refused", "unknown", "content", "deferred-twice", "lost-once")
_AGENTS = (BROWSER, "curl/8.0", "")


@dataclass(frozen=True)
class Load:
    """A tenant with mail of every outcome, and the hits and reports about it."""

    api: Client
    account_id: str
    sent: list[dict[str, Any]]


@pytest.fixture(scope="module")
def load(running: Cluster, database: Database) -> Load:
    """Sent, refused, deferred, lost; then delivered, bounced, complained; opened and clicked by four writers
    at once, out of order, twice, and in bursts; all while it is being counted.
    """
    api = new_client(running)
    ((account_id,),) = database.all("SELECT account_id FROM domains WHERE name = :name", name=api.domain)
    chance = random.Random(7)
    sent = [item for first in range(0, EMAILS, _EACH) for item in _send(api, first, chance)]
    wait_for(lambda: not database.unfinished(api.domain), "the mail to be settled", 60 + EMAILS / 50)
    reports = [
        event(chance.choice(("delivered", "delivered", "bounce", "complaint")), item, item["to"])
        for item in sent
        if chance.random() < 0.7
    ]
    for first in range(0, len(reports), 100):
        say(running, *reports[first : first + 100])
    hits = [hit for item in sent if chance.random() < 0.6 for hit in _hits(item, chance)]
    chance.shuffle(hits)
    parts = [hits[at::4] + hits[at : at + 9] for at in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda part: _write(database, part), parts))
    return Load(api, str(account_id), sent)


def test_statistics_equal_a_recount_of_the_raw_events(load: Load, database: Database) -> None:
    expected = wait_for(lambda: _settled(database, load), "the last event to be counted", 60 + EMAILS / 50)
    assert kept_by_day(database, load.account_id) == by_day(expected)
    names = {key[3] for key in expected}
    assert {"sent", "delivered", "deferred", "bounced", "refused", "complained"} <= names
    assert {"opens", "clicks", "machine_opens", "machine_clicks", "opened", "machine_clicked"} <= names
    ((reclassified,),) = database.all(
        "SELECT count(*) FROM events WHERE account_id = :id AND type = 'email.reclassified'",
        id=load.account_id,
    )
    assert reclassified, "no click that was told as a person's turned out to be a machine's"


def test_totals_series_and_groups_of_the_api_are_sums_of_the_same(load: Load, database: Database) -> None:
    expected = wait_for(lambda: _settled(database, load), "the last event to be counted")
    answer = load.api.get("/api/stats", params={"by": "tag", "timezone": "Asia/Kolkata"})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    for name in found["totals"]:
        whole = sum(n for (side, _, _, what), n in expected.items() if (side, what) == ("all", name))
        assert found["totals"][name] == whole == sum(step["counts"][name] for step in found["series"])
    for group in found["groups"]:
        of_tag = {
            name: sum(
                n
                for (side, value, _, what), n in expected.items()
                if (side, value, what) == ("tag", group["value"], name)
            )
            for name in group["totals"]
        }
        assert group["totals"] == of_tag
        alone = load.api.get("/api/stats", params={"tag": group["value"]}).json()
        assert alone["totals"] == of_tag
    assert len(found["groups"]) == 3
    assert {step["starts"][10:] for step in found["series"]} == {"T00:00:00+05:30"}
    assert len(found["series"]) == 31
    assert found["rates"]["delivered"] == found["totals"]["delivered"] / found["totals"]["sent"]
    assert found["quotas"]["daily"]["recipients"] == len(load.sent)


@pytest.fixture(scope="module")
def by_domain(running: Cluster, database: Database) -> Client:
    """A tenant with some count in every quarter of an hour of two weeks, of two domains."""
    api = new_client(running)
    database.run(
        """
        INSERT INTO statistics (account_id, dimension, value, starts, sent, opened)
        SELECT CAST(:id AS uuid), 'domain', domain, starts, 1 + 7 * random(), random()
        FROM unnest(ARRAY['a.test', 'b.test']) AS domain,
            generate_series(TIMESTAMPTZ '2026-03-20Z', '2026-04-02T23:45Z', interval '15 minutes') AS starts
        """,
        id=api.get("/api/account").json()["id"],
    )
    database.run(
        """
        INSERT INTO statistics_days (account_id, dimension, value, starts, sent, opened)
        SELECT account_id, dimension, value, date_trunc('day', starts, 'UTC'), sum(sent), sum(opened)
        FROM statistics WHERE account_id = CAST(:id AS uuid) GROUP BY 1, 2, 3, 4
        """,
        id=api.get("/api/account").json()["id"],
    )
    return api


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu", "Europe/Berlin", "America/New_York"])
@pytest.mark.parametrize(
    ("since", "until"),
    [
        ("2026-03-22", "2026-03-31"),
        ("2026-03-22T10:00:00Z", "2026-03-22T15:00:00Z"),
        ("2026-03-22T10:00:00Z", "2026-03-23T15:00:00Z"),
        ("2026-03-22T23:00:00Z", "2026-03-24T01:00:00Z"),
        ("2026-03-23T00:00:00Z", "2026-03-24T00:00:00Z"),
        ("2026-03-01", "2026-04-20"),
    ],
)
def test_a_group_comes_to_what_it_comes_to_alone(
    by_domain: Client, zone: str, since: str, until: str
) -> None:
    asked = {"timezone": zone, "from": since, "to": until}
    asked |= {"interval": "hour"} if "T" in since else {}
    groups = by_domain.get("/api/stats", params={**asked, "by": "domain"}).json()["groups"]
    assert {group["value"] for group in groups} == {"a.test", "b.test"}
    for group in groups:
        alone = by_domain.get("/api/stats", params={**asked, "domain": group["value"]}).json()["totals"]
        assert group["totals"] == alone
        assert alone["sent"] > 0


def test_a_campaigns_domains_and_credentials_statistics_are_each_their_own(load: Load) -> None:
    whole = load.api.get("/api/stats").json()["totals"]
    assert load.api.get("/api/stats", params={"domain": load.api.domain}).json()["totals"] == whole
    other = load.api.get("/api/stats", params={"credential_id": str(uuid.uuid4())}).json()
    assert not any(other["totals"].values())
    assert other["rates"]["bounced"] == 0


def test_test_emails_are_not_counted(load: Load, database: Database) -> None:
    before = wait_for(lambda: _settled(database, load), "the last event to be counted")
    told = load.api.send(to="delivered@simulator.mailmatic.test")
    shown = load.api.wait_for_status(told["id"], "delivered")
    real = load.api.send()
    load.api.wait_for_status(real["id"], "sent")
    after = wait_for(lambda: (found := _settled(database, load)) != before and found, "the other's count")
    sums = [
        sum(n for key, n in counted.items() if (key[0], key[3]) == ("all", "sent"))
        for counted in (before, after)
    ]
    assert shown["test"]
    assert sums[1] - sums[0] == 1


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("from=2026-06-02&to=2026-06-01", "/from"),
        ("from=2024-01-01&to=2026-06-01", "/from"),
        ("interval=hour&from=2026-05-01&to=2026-06-05", "/from"),
        ("from=yesterday", "/from"),
        ("timezone=Mars/Olympus", "/timezone"),
        ("timezone=../etc/passwd", "/timezone"),
        ("by=all", "/by"),
        ("domain=a.test&tag=x", "/tag"),
        ("domain=a.test&by=tag", "/by"),
    ],
)
def test_what_cannot_be_asked_is_told_with_its_place(api: Client, query: str, pointer: str) -> None:
    answer = api.get(f"/api/stats?{query}")
    assert answer.status_code == 422, answer.text
    assert [item["pointer"] for item in answer.json()["errors"]] == [pointer]


@pytest.mark.parametrize(
    ("zone", "since", "until", "hours"),
    [
        ("Europe/Berlin", "2026-03-29", "2026-03-30", 23),
        ("Europe/Berlin", "2026-10-25", "2026-10-26", 25),
        ("Asia/Kathmandu", "2026-06-01", "2026-06-02", 24),
        ("America/New_York", "2026-06-01", "2026-06-02", 24),
    ],
)
def test_a_day_has_the_hours_that_its_zone_gives_it(
    api: Client, zone: str, since: str, until: str, hours: int
) -> None:
    asked = {"timezone": zone, "from": since, "to": until, "interval": "hour"}
    series = api.get("/api/stats", params=asked).json()["series"]
    assert len(series) == hours
    assert series[0]["starts"].startswith(f"{since}T00:00:00")
    days = api.get("/api/stats", params={**asked, "interval": "day"}).json()["series"]
    assert [step["starts"][:10] for step in days] == [since]


def _settled(database: Database, load: Load) -> Any:
    expected = recounted(database, load.account_id)
    return expected if kept(database, load.account_id) == expected else None


def _send(api: Client, first: int, chance: random.Random) -> list[dict[str, Any]]:
    bodies = []
    for number in range(first, min(first + _EACH, EMAILS)):
        who = chance.choice(_WHO) if chance.random() < 0.3 else "ada"
        body = {
            "from": api.sender,
            "to": f"{who}@x{number}-{uuid.uuid4().hex[:8]}.example.com",
            "subject": "x",
            "text": "x",
            "tags": chance.sample(["one", "two", "three"], chance.randrange(3)),
        }
        bodies.append(body)
    answer = api.post("/api/send/batch", {"emails": bodies})
    assert answer.status_code == 202, answer.text
    told = answer.json()["results"]
    return [{**item, "to": body["to"]} for item, body in zip(told, bodies, strict=True)]


def _hits(item: dict[str, Any], chance: random.Random) -> list[Hit]:
    """Opens and clicks of one recipient over the last hours, some many links at once."""
    email_id, moment = uuid.UUID(item["id"]), now() - timedelta(minutes=chance.randrange(300))
    hits = []
    for number in range(chance.randrange(1, 8)):
        # within a second or two: a burst of links
        moment += timedelta(seconds=chance.choice((0, 0, 0, 2000)))
        id = uuid.UUID(int=id_floor(moment).int | (new_id().int & ((1 << 80) - 1)))
        kind = chance.choice((OPEN, CLICK, CLICK, CLICK))
        link = {"index": number, "target": f"https://x.test/{number}"} if kind == CLICK else {}
        hits.append(Hit(id, kind, email_id, 0, "GET", chance.choice(_AGENTS), "192.0.2.1", **link))
    return hits


def _write(database: Database, hits: list[Hit]) -> None:
    for first in range(0, len(hits), 5):
        with database.engine.begin() as tx:
            record(tx, hits[first : first + 5])
