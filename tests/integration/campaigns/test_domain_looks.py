"""The scheduler looks at domains by itself: what is published is found, and what is gone for long fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from deploy.local.cluster import Cluster
from tests.fixtures.api import Client, new_client
from tests.fixtures.database import Database
from tests.fixtures.dns_server import Dns
from tests.fixtures.domains import INSTALL, add_domain, published, record, verify
from tests.fixtures.waiting import wait_for

DUE = "UPDATE domains SET next_check_at = now() WHERE id = :id RETURNING 1"
LONG_AGO = (
    "UPDATE domains SET next_check_at = now(),"
    " checks = jsonb_set(checks, '{failing,since}', to_jsonb('2026-01-01T00:00:00Z'::text))"
    " WHERE id = :id RETURNING 1"
)


@pytest.fixture(scope="module")
def api(running: Cluster) -> Client:
    """Whose domains these are."""
    return new_client(running)


@pytest.fixture
def look(api: Client, database: Database) -> Callable[..., dict[str, Any]]:
    """Makes a domain due and waits until the scheduler has looked at it."""

    def looked(domain: dict[str, Any], statement: str = DUE) -> dict[str, Any]:
        path = f"/api/domains/{domain['id']}"
        before = api.get(path).json()["checked_at"]
        database.all(statement, id=domain["id"])
        wait_for(lambda: api.get(path).json()["checked_at"] != before, "the scheduler to look")
        return dict(api.get(path).json())

    return looked


def actions(api: Client, domain: dict[str, Any]) -> list[tuple[str, str]]:
    """What the audit log has of a domain, oldest first."""
    entries = api.get(f"/api/audit?object_id={domain['id']}").json()["data"]
    return [(entry["action"], entry["actor"]) for entry in reversed(entries)]


def test_domain_is_verified_by_itself_when_its_records_appear(
    api: Client, dns: Dns, look: Callable[..., dict[str, Any]]
) -> None:
    domain = add_domain(api)
    assert look(domain)["status"] == "pending"
    dns.set_all({**INSTALL, **published(domain)})
    told = look(domain)
    assert told["status"] == "verified"
    assert ("domain.verified", "system") in actions(api, domain)


def test_new_key_signs_by_itself_when_its_record_appears(
    api: Client, dns: Dns, look: Callable[..., dict[str, Any]]
) -> None:
    domain = add_domain(api)
    dns.set_all(published(domain))
    verify(api, domain)
    rotated = api.post(f"/api/domains/{domain['id']}/dkim/rotate", {}).json()
    dns.set_all(published(rotated))
    told = look(domain)
    assert record(told, "dkim", key_status="active") != record(domain, "dkim")
    assert record(told, "dkim", key_status="retiring")["name"] == record(domain, "dkim")["name"]


def test_new_key_is_looked_for_soon_though_its_domain_is_verified(
    api: Client, dns: Dns, look: Callable[..., dict[str, Any]]
) -> None:
    domain = add_domain(api)
    dns.set_all(published(domain))
    tomorrow = verify(api, domain)["next_check_at"]
    soon = api.post(f"/api/domains/{domain['id']}/dkim/rotate", {}).json()["next_check_at"]
    assert soon < tomorrow
    unseen = look(domain)
    assert record(unseen, "dkim", key_status="pending")["status"] == "missing"
    assert unseen["next_check_at"] < tomorrow


def test_old_key_is_dropped_when_nothing_it_signed_can_be_on_its_way(
    api: Client, dns: Dns, database: Database, look: Callable[..., dict[str, Any]]
) -> None:
    domain = add_domain(api)
    dns.set_all(published(domain))
    verify(api, domain)
    rotated = api.post(f"/api/domains/{domain['id']}/dkim/rotate", {}).json()
    dns.set_all(published(rotated))
    assert len(record_names(look(domain))) == 2
    database.all(
        "UPDATE dkim_keys SET retired_at = now() - interval '8 days'"
        " WHERE domain_id = :id AND status = 'retiring' RETURNING 1",
        id=domain["id"],
    )
    look(domain)
    assert record_names(look(domain)) == [record(rotated, "dkim", key_status="pending")["name"]]
    assert ("domain.dkim_retired", "system") in actions(api, domain)


def test_verified_domain_fails_only_when_its_record_is_gone_in_several_looks_over_days(
    api: Client, dns: Dns, look: Callable[..., dict[str, Any]]
) -> None:
    domain = add_domain(api)
    dns.set_all(published(domain))
    verify(api, domain)
    dns.remove(record(domain, "dkim")["name"])
    assert [look(domain)["status"] for _ in range(3)] == ["verified"] * 3  # often, but not for long
    assert look(domain, LONG_AGO)["status"] == "failed"
    assert ("domain.failed", "system") in actions(api, domain)
    dns.set_all(published(domain))
    assert look(domain)["status"] == "verified"


def test_verified_domain_stays_so_when_the_dns_is_in_trouble(
    api: Client, dns: Dns, database: Database, look: Callable[..., dict[str, Any]]
) -> None:
    domain = add_domain(api)
    dns.set_all(published(domain))
    verify(api, domain)
    broken = dns.broken()  # as if the zone's servers had gone
    database.all("UPDATE domains SET name = :name WHERE id = :id RETURNING 1", name=broken, id=domain["id"])
    looks = [look(domain) for _ in range(4)]
    assert {told["status"] for told in looks} == {"verified"}
    assert {item["status"] for item in looks[-1]["records"]} == {"inconclusive"}
    assert looks[-1]["return_path_verified"] is True


def test_domain_that_the_operator_vouched_for_is_left_alone(api: Client, database: Database) -> None:
    ((next_look,),) = database.all("SELECT next_check_at FROM domains WHERE name = :name", name=api.domain)
    assert next_look is None
    own = {"id": str(database.all("SELECT id FROM domains WHERE name = :name", name=api.domain)[0][0])}
    told = verify(api, own)
    assert (told["status"], told["next_check_at"]) == ("verified", None)


def record_names(domain: dict[str, Any]) -> list[str]:
    """Where its DKIM records stand."""
    return [item["name"] for item in domain["records"] if item["purpose"] == "dkim"]
