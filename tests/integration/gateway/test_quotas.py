"""Quotas of recipients a day and a month: counted exactly, refused in time, without test emails."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deploy.local.cluster import Cluster
from tests.fixtures.api import Client, new_client, operator
from tests.fixtures.database import Database
from tests.fixtures.own_gateway import own_gateway
from tests.fixtures.waiting import wait_for


@pytest.fixture
def tenant(running: Cluster) -> Client:
    """An account whose recipients nobody else counts."""
    return new_client(running)


@pytest.fixture
def account(tenant: Client, database: Database) -> str:
    """The tenant's account."""
    ((id,),) = database.all("SELECT account_id FROM domains WHERE name = :name", name=tenant.domain)
    return str(id)


def limit(cluster: Cluster, tenant: Client, account: str, **quotas: str) -> None:
    """Gives the account quotas, and waits until every process of the gateway knows them."""
    options = [word for name, value in quotas.items() for word in (f"--{name}", value)]
    operator(cluster, "set-quota", account, *options)

    def known() -> bool:
        return all(shown(tenant, name)["quota"] == int(value) for name, value in quotas.items())

    wait_for(lambda: all(known() for _ in range(8)), "the quota to be known")


def shown(tenant: Client, period: str) -> dict[str, Any]:
    """A period as /api/usage shows it."""
    return dict(tenant.get("/api/usage").json()[period])


def emails(count: int, **fields: Any) -> list[dict[str, Any]]:
    """Emails for a batch, one recipient each."""
    return [
        {"to": f"u{number}@example.com", "subject": "Hi", "text": "Hi", **fields} for number in range(count)
    ]


def to(count: int) -> list[str]:
    return [f"u{number}@example.com" for number in range(count)]


def test_every_recipient_counts_and_usage_shows_it(tenant: Client) -> None:
    tenant.send(to=to(2), cc=["cc@example.com"], bcc=["bcc@example.com"])
    tenant.post("/api/send/batch", {"emails": emails(3)})
    for period in ("daily", "monthly"):
        found = shown(tenant, period)
        assert (found["emails"], found["recipients"]) == (4, 7)
        assert (found["quota"], found["remaining"]) == (None, None)
    day, month = shown(tenant, "daily"), shown(tenant, "monthly")
    today = datetime.now(UTC).date()
    assert day["resets_at"] == f"{today + timedelta(days=1)}T00:00:00Z"
    assert month["starts"] == f"{today:%Y-%m}-01"


@pytest.mark.parametrize("period", ["daily", "monthly"])
def test_send_is_429_with_the_time_to_wait_when_the_quota_is_used_up(
    running: Cluster, tenant: Client, account: str, period: str
) -> None:
    limit(running, tenant, account, **{period: "3"})
    tenant.send(to=to(2))
    body = {"from": tenant.sender, "to": to(2), "subject": "Hi", "text": "Hi"}
    response = tenant.post("/api/send", body)
    assert (response.status_code, response.json()["code"]) == (429, f"{period}_quota_exceeded")
    assert 0 < int(response.headers["Retry-After"]) <= 31 * 86_400
    tenant.send(to=to(1))
    assert shown(tenant, period) | {"recipients": 3, "remaining": 0, "quota": 3} == shown(tenant, period)


def test_emails_of_a_batch_are_accepted_in_order_while_there_is_room(
    running: Cluster, tenant: Client, account: str
) -> None:
    limit(running, tenant, account, daily="4")
    batch = [*emails(2), *emails(1, cc=to(9)[1:4]), *emails(3)]
    results = tenant.post("/api/send/batch", {"emails": batch}).json()["results"]
    assert [item["status"] for item in results] == ["sent", "sent", "failed", "sent", "sent", "failed"]
    assert {item["code"] for item in results if item["status"] == "failed"} == {"daily_quota_exceeded"}
    assert shown(tenant, "daily")["remaining"] == 0


def test_not_one_recipient_too_many_gets_in_when_many_send_at_once(
    running: Cluster, tenant: Client, account: str
) -> None:
    limit(running, tenant, account, daily="50")
    body = {"from": tenant.sender, "to": to(3), "subject": "Hi", "text": "Hi"}
    with ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(lambda _: tenant.post("/api/send", body).status_code, range(40)))
    assert statuses.count(202) == 16
    assert statuses.count(429) == 24
    assert shown(tenant, "daily")["recipients"] == 48


def test_test_emails_and_refused_ones_count_nothing(running: Cluster, tenant: Client, account: str) -> None:
    limit(running, tenant, account, daily="1")
    tenant.send(to="delivered@simulator.mailmatic.test")
    tenant.post("/api/send", {"from": tenant.sender, "to": "nobody", "subject": "Hi", "text": "Hi"})
    assert shown(tenant, "daily")["recipients"] == 0
    tenant.send()
    tenant.send(to="delivered@simulator.mailmatic.test")
    assert shown(tenant, "daily")["recipients"] == 1


def test_install_has_a_quota_and_an_account_may_have_another(
    cluster: Cluster, tenant: Client, account: str
) -> None:
    # one process: each remembers for seconds what it knew of a key
    quotas = {"MAILMATIC_QUOTA_DAILY": "7", "MAILMATIC_QUOTA_MONTHLY": "70", "MAILMATIC_HTTP_WORKERS": "1"}
    with own_gateway(cluster, **quotas) as url:
        there = Client(url, tenant.key, tenant.sender)
        assert (shown(there, "daily")["quota"], shown(there, "monthly")["quota"]) == (7, 70)
        operator(cluster, "set-quota", account, "--daily", "none", "--monthly", "9")
        wait_for(lambda: shown(there, "monthly")["quota"] == 9, "the account's own")
        assert shown(there, "daily")["quota"] is None
        operator(cluster, "set-quota", account, "--daily", "default", "--monthly", "default")
        wait_for(lambda: shown(there, "daily")["quota"] == 7, "the install's again")


def test_count_is_the_same_when_redis_is_away(own_servers: None, cluster: Cluster, tenant: Client) -> None:
    cluster.stop("redis")
    tenant.send(to=to(2))
    assert shown(tenant, "daily")["recipients"] == 2


def test_simulator_and_others_can_not_share_an_email(tenant: Client) -> None:
    body = {
        "from": tenant.sender,
        "to": ["ada@example.com", "bounced@simulator.mailmatic.test"],
        "subject": "Hi",
        "text": "Hi",
    }
    response = tenant.post("/api/send", body)
    assert (response.status_code, response.json()["code"]) == (422, "validation_error")
    assert [fault["pointer"] for fault in response.json()["errors"]] == ["/to/1"]
