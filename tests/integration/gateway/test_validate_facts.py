"""POST /api/validate: suppressions, roles, throw-away providers, slips, and what is remembered."""

from __future__ import annotations

from typing import Any

import pytest
import redis
from dns.nameserver import Do53Nameserver
from dns.resolver import Resolver

from deploy.local.cluster import Cluster
from deploy.local.ports import HOST
from shared.mx import find_mail_hosts
from tests.fixtures.api import Client, new_client
from tests.fixtures.dns_server import Dns, fresh
from tests.fixtures.own_gateway import own_gateway


@pytest.fixture(scope="module")
def domain(dns: Dns) -> str:
    """A domain that receives mail."""
    name = fresh()
    dns.set(name, "MX", f"10 mx.{name}.")
    return name


def validate(api: Client, email: object) -> dict[str, Any]:
    """POST /api/validate, which must answer."""
    response = api.post("/api/validate", {"email": email})
    assert response.status_code == 200, response.text
    return dict(response.json())


def test_answer_is_complete_when_all_is_well(api: Client, domain: str) -> None:
    assert validate(api, f"Ada@{domain.upper()}") == {
        "email": f"Ada@{domain.upper()}",
        "valid": True,
        "result": "valid",
        "code": "deliverable",
        "reason": "The syntax is right and the domain receives mail.",
        "normalized": f"Ada@{domain}",
        "did_you_mean": None,
        "checks": {
            "syntax": True,
            "mx": {"status": "mx", "hosts": [f"mx.{domain}"]},
            "suppressed": False,
            "role_account": False,
            "disposable": False,
        },
    }


@pytest.mark.parametrize(
    ("email", "reason"),
    [
        ("ada", "@-sign"),
        ('"ada lovelace"@example.com', "Quoted local parts"),
        ("ada(home)@example.com", "Comments"),
        ("ada@[192.0.2.1]", "bracketed"),
        ("Ada <ada@example.com>", "bare address"),
        ("<ada@example.com>", "bare address"),
        ("ada@example..com", "two periods"),
    ],
)
def test_syntax_is_refused_with_its_reason_and_nothing_else_is_looked_at(
    api: Client, email: str, reason: str
) -> None:
    answer = validate(api, email)
    assert (answer["valid"], answer["code"], answer["normalized"]) == (False, "invalid_syntax", None)
    assert reason in answer["reason"]
    nothing = dict.fromkeys(("mx", "suppressed", "role_account", "disposable"))
    assert answer["checks"] == {"syntax": False, **nothing}


def test_suppressed_address_is_invalid_for_its_account_alone(
    api: Client, other_tenant: Client, domain: str
) -> None:
    email = f"gone@{domain}"
    assert api.post("/api/suppressions", {"email": email, "reason": "complaint"}).status_code < 300
    answer = validate(api, email.upper())
    assert (answer["valid"], answer["code"]) == (False, "suppressed")
    assert "complaint" in answer["reason"]
    assert answer["checks"]["suppressed"] is True
    assert answer["checks"]["mx"]["status"] == "mx"
    assert validate(other_tenant, email)["checks"]["suppressed"] is False


def test_who_unsubscribed_from_campaigns_may_still_be_written_to(api: Client, domain: str) -> None:
    email = f"quiet@{domain}"
    assert api.post("/api/suppressions", {"email": email, "reason": "unsubscribe"}).status_code < 300
    assert validate(api, email)["code"] == "deliverable"


def test_roles_and_throw_away_providers_are_told_and_are_no_fault(api: Client, dns: Dns, domain: str) -> None:
    throw_away = f"{fresh('x')}.mailinator.com"
    dns.set(throw_away, "MX", f"10 mx.{throw_away}.")
    role = validate(api, f"Support+de@{domain}")
    assert (role["valid"], role["checks"]["role_account"], role["checks"]["disposable"]) == (
        True,
        True,
        False,
    )
    gone_soon = validate(api, f"ada@{throw_away}")
    assert (gone_soon["valid"], gone_soon["checks"]["disposable"]) == (True, True)
    assert gone_soon["checks"]["role_account"] is False


def test_slip_is_mended_whether_its_domain_is_there_or_not(api: Client) -> None:
    answer = validate(api, "ada@gmial.com")
    assert (answer["code"], answer["did_you_mean"]) == ("nxdomain", "ada@gmail.com")
    assert validate(api, "ada@@gmial.com")["did_you_mean"] is None


@pytest.mark.parametrize("email", [None, 7, "", ["ada@example.com"], "a" * 1001])
def test_what_is_no_address_at_all_is_422(api: Client, email: object) -> None:
    response = api.post("/api/validate", {"email": email})
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, "/email")


def test_answers_are_kept_for_their_ttl_in_redis_and_by_each_process(
    running: Cluster, api: Client, dns: Dns
) -> None:
    here, nowhere = fresh(), fresh()
    dns.set(here, "MX", f"10 mx.{here}.", ttl=200)

    def told(client: Client) -> list[str]:
        return [validate(client, f"ada@{name}")["checks"]["mx"]["status"] for name in (here, nowhere)]

    with own_gateway(running, MAILMATIC_HTTP_WORKERS="1") as url:
        alone = Client(url, new_client(running).key, "")
        assert told(alone) == ["mx", "nxdomain"]
        dns.remove(here)
        dns.set(nowhere, "MX", f"10 mx.{nowhere}.")
        assert told(api) == ["mx", "nxdomain"]  # processes that never asked for them
        with redis.Redis.from_url(running.layout.redis_url) as scratchpad:
            keys = [f"dns:mail:{name}" for name in (here, nowhere)]
            assert [scratchpad.ttl(key) > least for key, least in zip(keys, (60, 0), strict=True)] == [
                True
            ] * 2
            assert [scratchpad.ttl(key) <= most for key, most in zip(keys, (200, 60), strict=True)] == [
                True
            ] * 2
            scratchpad.delete(*keys)
        assert told(alone) == ["mx", "nxdomain"]
    asked = Resolver(configure=False)
    asked.nameservers = [Do53Nameserver(HOST, dns.port)]
    assert [find_mail_hosts(name, asked).status for name in (here, nowhere)] == ["nxdomain", "mx"]
