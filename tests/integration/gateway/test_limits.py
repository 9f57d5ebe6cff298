"""Rate limits: who is stopped, what they are told, and what happens without Redis."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import redis
import requests

from deploy.local.cluster import Cluster
from tests.fixtures.api import Client, new_client
from tests.fixtures.cluster import CRON_SECRET
from tests.fixtures.own_gateway import own_edge, own_gateway
from tests.fixtures.waiting import wait_for

#: Windows of a day: none ends while a test is at it.
CREDENTIAL, STRANGER, VISITOR = 5, 3, 4


@pytest.fixture(scope="module")
def limited(running: Cluster) -> Iterator[str]:
    """A gateway with low limits, behind one proxy."""
    with own_gateway(
        running,
        MAILMATIC_RATE_LIMIT_CREDENTIAL=f"{CREDENTIAL}/day",
        MAILMATIC_RATE_LIMIT_IP=f"{STRANGER}/day",
        MAILMATIC_RATE_LIMIT_VISITOR=f"{VISITOR}/day",
        MAILMATIC_TRUSTED_PROXIES="1",
        MAILMATIC_HTTP_WORKERS="1",  # which keys were good lately is each process's own knowledge
    ) as url:
        yield url


@pytest.fixture
def tenant(running: Cluster, limited: str) -> Client:
    """A fresh credential at the limited gateway."""
    return replace(new_client(running), url=limited)


def from_ip(address: str) -> dict[str, str]:
    """What the trusted proxy says of where a request comes from."""
    return {"X-Forwarded-For": address}


def test_a_credential_is_refused_when_its_requests_are_used_up(tenant: Client) -> None:
    answers = [tenant.get("/api/emails") for _ in range(CREDENTIAL + 1)]
    assert [answer.status_code for answer in answers] == [200] * CREDENTIAL + [429]
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["4", "3", "2", "1", "0", "0"]
    refused = answers[-1]
    assert refused.json()["code"] == "rate_limit_exceeded"
    assert 0 < int(refused.headers["Retry-After"]) <= 86_400


def test_every_answer_says_how_the_limit_stands_in_both_forms(tenant: Client) -> None:
    headers = tenant.get("/api/emails").headers
    assert headers["RateLimit-Limit"] == str(CREDENTIAL)
    assert headers["RateLimit-Remaining"] == str(CREDENTIAL - 1)
    assert 0 < int(headers["RateLimit-Reset"]) <= 86_400
    assert headers["RateLimit-Policy"] == f'"credential-day";q={CREDENTIAL};w=86400'
    assert re.fullmatch(rf'"credential-day";r={CREDENTIAL - 1};t=\d+', headers["RateLimit"])


def test_no_more_pass_than_are_allowed_when_many_ask_at_once(tenant: Client) -> None:
    with ThreadPoolExecutor(10) as pool:
        statuses = list(pool.map(lambda _: tenant.get("/api/emails").status_code, range(20)))
    assert sorted(statuses) == [200] * CREDENTIAL + [429] * (20 - CREDENTIAL)


def test_who_shows_bad_keys_is_stopped_and_a_good_key_from_there_goes_on(
    tenant: Client, limited: str
) -> None:
    assert tenant.get("/api/emails", headers=from_ip("192.0.2.1")).status_code == 200
    bad = {"Authorization": "Bearer mm_" + "x" * 32, **from_ip("192.0.2.1")}
    statuses = [requests.get(f"{limited}/api/emails", headers=bad, timeout=40).status_code for _ in range(5)]
    assert statuses == [401] * STRANGER + [429] * 2
    assert tenant.get("/api/emails", headers=from_ip("192.0.2.1")).status_code == 200
    elsewhere = {**bad, **from_ip("192.0.2.2")}
    assert requests.get(f"{limited}/api/emails", headers=elsewhere, timeout=40).status_code == 401


def test_who_guesses_the_cron_secret_is_stopped_even_with_the_right_one(limited: str) -> None:
    def ask(secret: str) -> int:
        headers = {"X-Cron-Secret": secret, **from_ip("192.0.2.3")}
        url = f"{limited}/api/cron/process-scheduled"
        return requests.post(url, headers=headers, timeout=40).status_code

    assert ask(CRON_SECRET) == 200
    assert [ask("a guess") for _ in range(STRANGER + 1)] == [401] * STRANGER + [429]
    assert ask(CRON_SECRET) == 429


def test_one_ipv6_client_is_its_whole_network(limited: str) -> None:
    statuses = [
        requests.get(f"{limited}/api/emails", headers=from_ip(f"2001:db8::{number}"), timeout=40).status_code
        for number in range(1, STRANGER + 2)
    ]
    assert statuses == [401] * STRANGER + [429]


def test_public_pages_have_a_limit_of_their_own(limited: str) -> None:
    statuses = [
        requests.get(f"{limited}/api/openapi.json", headers=from_ip("192.0.2.9"), timeout=40).status_code
        for _ in range(VISITOR + 1)
    ]
    assert statuses == [200] * VISITOR + [429]


def test_addresses_of_nothing_count_as_public_pages(limited: str) -> None:
    statuses = [
        requests.get(f"{limited}/nothing/{number}", headers=from_ip("192.0.2.10"), timeout=40).status_code
        for number in range(VISITOR + 1)
    ]
    assert statuses == [404] * VISITOR + [429]


def test_a_forged_address_changes_nothing_where_no_proxy_is_trusted(cluster: Cluster) -> None:
    with own_gateway(cluster, MAILMATIC_RATE_LIMIT_IP="2/day") as url:
        statuses = [
            requests.get(f"{url}/api/emails", headers=from_ip(f"198.51.100.{n}"), timeout=40).status_code
            for n in range(4)
        ]
    assert statuses[-1] == 429


def test_a_forged_address_changes_nothing_when_it_comes_through_the_edge(cluster: Cluster) -> None:
    settings = {"MAILMATIC_RATE_LIMIT_IP": "2/day", "MAILMATIC_TRUSTED_PROXIES": "1"}
    with own_gateway(cluster, **settings) as gateway, own_edge(cluster, gateway) as url:
        with redis.Redis.from_url(cluster.layout.redis_url) as scratchpad:
            scratchpad.delete("rate:{ip:127.0.0.1}:day")  # what other tests have used of it
        answers = [
            requests.get(
                f"{url}/api/emails",
                headers={
                    "X-Forwarded-For": f"198.51.100.{n}, 192.0.2.{n}",
                    "X-Real-IP": f"198.51.100.{n}",
                    "Forwarded": f"for=198.51.100.{n}",
                },
                timeout=40,
            )
            for n in range(3)
        ]
    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert answers[-1].headers["RateLimit"].startswith('"ip-day";r=0;t=')


@pytest.mark.usefixtures("own_servers")
def test_everybody_passes_and_metrics_say_so_when_redis_is_away(cluster: Cluster) -> None:
    tenant = new_client(cluster)
    with own_gateway(cluster, MAILMATIC_RATE_LIMIT_CREDENTIAL="2/day") as url:
        client = replace(tenant, url=url)
        cluster.stop("redis")
        assert [client.get("/api/emails").status_code for _ in range(5)] == [200] * 5
        metrics = requests.get(f"{url}/metrics", timeout=40).text
        counted = re.search(r"^mailmatic_rate_limit_unavailable_total (\d+)", metrics, re.MULTILINE)
        assert counted
        assert int(float(counted[1])) >= 5
        cluster.start("redis")
        wait_for(lambda: client.get("/api/emails").status_code == 429, "the limit to hold again")


def test_metrics_are_not_for_the_world(api: Client) -> None:
    assert requests.get(f"{api.url}/metrics", timeout=40).status_code == 404
