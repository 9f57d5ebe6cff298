"""/api/domains against a real DNS: good zones are verified, and every break is named for what it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from deploy.local.cluster import Cluster
from shared.dkim_keys import character_strings
from tests.fixtures.api import Client, new_client
from tests.fixtures.dns_server import Dns, fresh, silent_resolver, text
from tests.fixtures.domains import INSTALL, Records, add_domain, published, record, verify
from tests.fixtures.own_gateway import own_gateway


def _moved(domain: dict[str, Any], purpose: str, name: str) -> Records:
    """The zone with this record elsewhere."""
    item, zone = record(domain, purpose), published(domain)
    value = zone.pop((item["name"], item["type"]))
    return {**zone, (name, item["type"]): value}


def _changed(domain: dict[str, Any], purpose: str, *values: str) -> Records:
    """The zone with other values for this record."""
    item = record(domain, purpose)
    return {**published(domain), (item["name"], item["type"]): values}


def _without(domain: dict[str, Any], *purposes: str) -> Records:
    """The zone without these records."""
    gone = {record(domain, purpose)["name"] for purpose in purposes}
    return {(name, kind): values for (name, kind), values in published(domain).items() if name not in gone}


def _doubled(domain: dict[str, Any], purpose: str) -> Records:
    return _moved(domain, purpose, f"{record(domain, purpose)['name']}.{domain['domain']}")


def _key(domain: dict[str, Any]) -> str:
    return str(record(domain, "dkim")["value"])


def _proxied(domain: dict[str, Any]) -> Records:
    zone = _without(domain, "tracking")
    return {**zone, (record(domain, "tracking")["name"], "A"): ("203.0.113.7",)}


def _many_lookups(domain: dict[str, Any]) -> Records:
    name = domain["domain"]
    includes = " ".join(f"include:s{n}.{name}" for n in range(11))
    leaves = {(f"s{n}.{name}", "TXT"): (text("v=spf1 ip4:192.0.2.9 -all"),) for n in range(11)}
    return {**_changed(domain, "spf", text(*character_strings(f"v=spf1 {includes} -all"))), **leaves}


_OTHER_KEY = "v=DKIM1; k=rsa; p=" + "A" * 392


@dataclass(frozen=True)
class Break:
    """A zone with one thing wrong: the record that says what, and what the score gives for it."""

    name: str
    zone: Callable[[dict[str, Any]], Records]
    purpose: str
    status: str
    code: str

    @property
    def check(self) -> tuple[str, int] | None:
        """The status and points of the score's check; with its return path, SPF is not lost altogether."""
        return {"dkim": ("fail", 0), "dmarc": ("fail", 0), "spf": ("partial", 20)}.get(self.purpose)


BREAKS = (
    Break("dkim-missing", lambda d: _without(d, "dkim"), "dkim", "missing", "not_found"),
    Break("dkim-doubled", lambda d: _doubled(d, "dkim"), "dkim", "missing", "zone_appended_twice"),
    Break(
        "dkim-elsewhere",
        lambda d: _moved(d, "dkim", f"_domainkey.{d['domain']}"),
        "dkim", "missing", "wrong_host",
    ),
    Break("other-key", lambda d: _changed(d, "dkim", text(_OTHER_KEY[:200], _OTHER_KEY[200:])),
          "dkim", "mismatch", "key_mismatch"),
    Break("truncated", lambda d: _changed(d, "dkim", text(_key(d)[:255])),
          "dkim", "mismatch", "truncated"),
    Break("quoted", lambda d: _changed(d, "dkim", text(f'"{_key(d)[:200]}" ', f'"{_key(d)[200:]}"')),
          "dkim", "mismatch", "broken_quoting"),
    Break("revoked", lambda d: _changed(d, "dkim", text("v=DKIM1; k=rsa; p=")),
          "dkim", "mismatch", "key_revoked"),
    Break("two-keys", lambda d: _changed(d, "dkim", text(_key(d)[:200], _key(d)[200:]), text("v=DKIM1; p=x")),
          "dkim", "mismatch", "several_records"),
    Break("two-spf", lambda d: _changed(d, "spf", text(record(d, "spf")["value"]), text("v=spf1 -all")),
          "spf", "mismatch", "several_records"),
    Break("spf-without-us", lambda d: _changed(d, "spf", text("v=spf1 ip4:192.0.2.9 -all")),
          "spf", "mismatch", "host_not_allowed"),
    Break("spf-lookups", _many_lookups, "spf", "mismatch", "too_many_lookups"),
    Break("spf-voids", lambda d: _changed(d, "spf", text("v=spf1 a:x.test a:y.test a:z.test -all")),
          "spf", "mismatch", "too_many_void_lookups"),
    Break("spf-include-nothing", lambda d: _changed(d, "spf", text(f"v=spf1 include:no.{d['domain']} -all")),
          "spf", "mismatch", "invalid"),
    Break("spf-typo", lambda d: _changed(d, "spf", text("v=spf1 ipv4:192.0.2.9 -all")),
          "spf", "mismatch", "invalid"),
    Break("spf-quoted", lambda d: _changed(d, "spf", text('"v=spf1 -all"')),
          "spf", "mismatch", "broken_quoting"),
    Break("spf-for-anybody", lambda d: _changed(d, "spf", text("v=spf1 include:spf.install.test +all")),
          "spf", "mismatch", "allows_everyone"),
    Break("spf-doubled", lambda d: _doubled(d, "spf"), "spf", "missing", "zone_appended_twice"),
    Break("dmarc-doubled", lambda d: _doubled(d, "dmarc"),
          "dmarc", "missing", "zone_appended_twice"),
    Break("dmarc-on-root", lambda d: {**_without(d, "dmarc"),
          (d["domain"], "TXT"): (text(record(d, "spf")["value"]), text("v=DMARC1; p=none"))},
          "dmarc", "missing", "wrong_host"),
    Break("two-dmarc", lambda d: _changed(d, "dmarc", text("v=DMARC1; p=none"), text("v=DMARC1; p=reject")),
          "dmarc", "mismatch", "several_records"),
    Break("dmarc-typo", lambda d: _changed(d, "dmarc", text("v=DMARC1; p=rejected")),
          "dmarc", "mismatch", "malformed"),
    Break("cname-elsewhere", lambda d: _changed(d, "return_path", "mail.example.com."),
          "return_path", "mismatch", "wrong_target"),
    Break("target-doubled", lambda d: _changed(d, "return_path", f"bounces.install.test.{d['domain']}."),
          "return_path", "mismatch", "zone_appended_twice"),
    Break("proxied", _proxied, "tracking", "mismatch", "not_an_alias"),
)  # fmt: skip


@pytest.fixture(scope="module")
def api(running: Cluster) -> Client:
    """A tenant with many domains."""
    return new_client(running)


@pytest.fixture(scope="module")
def broken(api: Client, dns: Dns) -> dict[str, dict[str, Any]]:
    """The domain of each break by its name; all published at once, `good` without one."""
    made = {name: add_domain(api, fresh(name)) for name in ("good", *(item.name for item in BREAKS))}
    zone = {**INSTALL, **published(made["good"])}
    for item in BREAKS:
        zone |= item.zone(made[item.name])
    dns.set_all(zone)
    return made


@pytest.fixture(scope="module")
def deaf(running: Cluster, api: Client) -> Iterator[Client]:
    """The same tenant at a gateway whose resolver never answers."""
    with (
        silent_resolver() as silent,
        own_gateway(
            running,
            MAILMATIC_DNS_RESOLVERS=silent,
            MAILMATIC_DNS_TIMEOUT_SECONDS="0.2",
            MAILMATIC_DOMAIN_CHECK_SECONDS="0.3",
        ) as url,
    ):
        yield replace(api, url=url)


def score_of(api: Client, domain: dict[str, Any]) -> dict[str, Any]:
    """GET …/score."""
    response = api.get(f"/api/domains/{domain['id']}/score")
    assert response.status_code == 200, response.text
    return dict(response.json())


def check_of(api: Client, domain: dict[str, Any], name: str) -> dict[str, Any]:
    """One check of the score."""
    (found,) = [check for check in score_of(api, domain)["checks"] if check["name"] == name]
    return dict(found)


def test_every_record_is_verified_when_all_are_published(api: Client, broken: dict[str, Any]) -> None:
    told = verify(api, broken["good"])
    assert told["status"] == "verified"
    assert {item["status"] for item in told["records"]} == {"verified"}
    assert told["return_path_verified"] is told["tracking_verified"] is True
    scored = score_of(api, told)
    # the policy that we propose enforces nothing yet, and sends no reports
    assert (scored["score"], scored["inconclusive"]) == (85, False)
    problems = {problem["code"] for check in scored["checks"] for problem in check["problems"]}
    assert problems == {"not_enforced", "no_reports"}


def test_long_key_is_split_at_255_octets_when_it_is_shown(broken: dict[str, Any]) -> None:
    key = record(broken["good"], "dkim")
    assert [len(part) for part in key["values"]] == [255, len(key["value"]) - 255]
    assert "".join(key["values"]) == key["value"]
    assert key["name"] == f"{key['host']}.{broken['good']['domain']}"


@pytest.mark.parametrize("item", BREAKS, ids=lambda item: item.name)
def test_break_is_named_for_what_it_is(api: Client, broken: dict[str, Any], item: Break) -> None:
    told = verify(api, broken[item.name])
    found = record(told, item.purpose)
    assert (found["status"], found["problem"]["code"]) == (item.status, item.code), found
    assert found["problem"]["fix"]
    assert told["status"] == ("pending" if item.purpose == "dkim" else "verified")
    others = {other["status"] for other in told["records"] if other["purpose"] != item.purpose}
    # one value that stands in a wrong place may be in the way of another record there
    assert others == {"verified"} or item.name == "dmarc-on-root"
    if item.check:
        check = check_of(api, told, item.purpose)
        assert (check["status"], check["points"]) == item.check
        assert [problem["code"] for problem in check["problems"]] == [item.code]


def test_spf_of_the_domain_itself_counts_when_it_has_no_return_path(api: Client, dns: Dns) -> None:
    domain = add_domain(api)
    dns.set_all(
        {**_without(domain, "return_path"), (domain["domain"], "TXT"): (text("v=spf1 ip4:192.0.2.9 -all"),)}
    )
    spf = check_of(api, verify(api, domain), "spf")
    assert (spf["status"], spf["points"], spf["max_points"]) == ("partial", 10, 25)


@pytest.mark.parametrize(("hosts", "code"), [(("0 .",), "null_mx"), ((), "not_found")])
def test_domain_that_receives_no_mail_is_told_so(
    api: Client, dns: Dns, hosts: tuple[str, ...], code: str
) -> None:
    domain = add_domain(api)
    dns.set_all({**published(domain), (domain["domain"], "MX"): hosts})
    check = check_of(api, domain, "mx")
    assert (check["status"], check["points"], check["max_points"]) == ("fail", 0, 10)
    assert [problem["code"] for problem in check["problems"]] == [code]


def test_score_is_100_when_the_policy_is_enforced_and_reported_on(api: Client, dns: Dns) -> None:
    domain = add_domain(api)
    policy = text(f"v=DMARC1; p=reject; rua=mailto:d@{domain['domain']}")
    dns.set_all(_changed(domain, "dmarc", policy))
    assert score_of(api, verify(api, domain))["score"] == 100


def test_policy_further_up_covers_a_subdomain_that_has_none(api: Client, dns: Dns) -> None:
    parent = fresh()
    domain = add_domain(api, f"a.b.{parent}")
    dns.set_all(
        {**_without(domain, "dmarc"), (f"_dmarc.{parent}", "TXT"): (text("v=DMARC1; p=reject; sp=none"),)}
    )
    assert record(verify(api, domain), "dmarc")["found"] == ["v=DMARC1; p=reject; sp=none"]


def test_nothing_is_lost_and_nothing_is_zero_when_the_dns_is_silent(
    api: Client, deaf: Client, dns: Dns
) -> None:
    domain = add_domain(api)
    dns.set_all(published(domain))
    assert verify(api, domain)["status"] == "verified"
    told = verify(deaf, domain)
    assert told["status"] == "verified"
    assert told["return_path_verified"] is True
    assert {item["status"] for item in told["records"]} == {"inconclusive"}
    scored = score_of(deaf, domain)
    assert (scored["score"], scored["inconclusive"]) == (None, True)
    assert {check["status"] for check in scored["checks"]} == {"inconclusive"}


def test_score_is_of_what_could_be_asked_when_one_name_fails(api: Client, dns: Dns) -> None:
    domain = add_domain(api, dns.broken())
    told = score_of(api, domain)
    assert (told["score"], told["inconclusive"]) == (None, True)


@pytest.mark.parametrize(
    "name",
    ["com", "co.uk", "github.io", "xn--p1ai", "localhost", "a@example.com", "ex ample.com", "", "-a.com"],
)
def test_domain_that_nobody_can_own_is_refused(api: Client, name: str) -> None:
    response = api.post("/api/domains", {"domain": name})
    assert response.status_code == 422
    assert [item["pointer"] for item in response.json()["errors"]] == ["/domain"]


def test_name_in_any_script_is_shown_as_the_dns_has_it(api: Client) -> None:
    parent = fresh()
    assert add_domain(api, f"Bücher.{parent}.")["domain"] == f"xn--bcher-kva.{parent}"


def test_domain_is_refused_when_it_was_added_before(api: Client) -> None:
    domain = add_domain(api)
    response = api.post("/api/domains", {"domain": domain["domain"].upper()})
    assert (response.status_code, response.json()["code"]) == (409, "domain_exists")


def test_domain_is_refused_when_another_account_has_verified_it(
    api: Client, other_tenant: Client, dns: Dns
) -> None:
    domain = add_domain(api)
    rival = add_domain(other_tenant, domain["domain"])  # nobody has shown yet that it is theirs
    dns.set_all({**published(domain), **published(rival)})
    assert verify(api, domain)["status"] == "verified"
    late = other_tenant.request("POST", f"/api/domains/{rival['id']}/verify")
    assert (late.status_code, late.json()["code"]) == (409, "domain_taken")
    assert other_tenant.request("DELETE", f"/api/domains/{rival['id']}").status_code == 200
    again = other_tenant.post("/api/domains", {"domain": domain["domain"]})
    assert (again.status_code, again.json()["code"]) == (409, "domain_taken")


def test_domain_is_deleted_only_when_no_credential_sends_from_it(api: Client) -> None:
    domain = add_domain(api)
    path = f"/api/domains/{domain['id']}"
    credential = api.post("/api/credentials", {"domain_id": domain["id"], "username": "x"}).json()
    response = api.request("DELETE", path)
    assert (response.status_code, response.json()["code"]) == (409, "domain_in_use")
    assert f"x@{domain['domain']}" in response.json()["error"]
    api.request("DELETE", f"/api/credentials/{credential['id']}")
    assert api.request("DELETE", path).status_code == 200
    assert api.get(path).status_code == 404
    assert add_domain(api, domain["domain"])["id"] != domain["id"]


def test_list_is_paged_newest_first(running: Cluster) -> None:
    api = new_client(running)
    made = [add_domain(api)["id"] for _ in range(3)]
    first = api.get("/api/domains?limit=2").json()
    assert [item["id"] for item in first["data"]] == made[:0:-1]
    rest = api.get(f"/api/domains?limit=2&after={made[1]}").json()
    assert (rest["data"][0]["id"], rest["has_more"]) == (made[0], False)


def test_mail_is_sent_from_a_domain_only_once_it_is_verified(api: Client, dns: Dns) -> None:
    domain = add_domain(api)
    key = api.post("/api/credentials", {"domain_id": domain["id"], "username": "x"}).json()["api_key"]
    client = replace(api, key=key, sender=f"x@{domain['domain']}")
    mail = {"from": client.sender, "to": f"a@{domain['domain']}", "subject": "x", "text": "x"}
    refused = client.post("/api/send", mail)
    assert (refused.status_code, refused.json()["code"]) == (403, "domain_not_verified")
    dns.set_all(published(domain))
    verify(api, domain)
    fresh_key = api.post("/api/credentials", {"domain_id": domain["id"], "username": "y"}).json()["api_key"]
    assert replace(client, key=fresh_key).post("/api/send", mail).status_code == 202


def test_every_change_is_in_the_audit_log(api: Client, dns: Dns) -> None:
    domain = add_domain(api)
    dns.set_all(published(domain))
    verify(api, domain)
    api.request("DELETE", f"/api/domains/{domain['id']}")
    entries = api.get(f"/api/audit?object_id={domain['id']}").json()["data"]
    assert [entry["action"] for entry in entries] == [
        "domain.deleted",
        "domain.verified",
        "domain.dkim_activated",
        "domain.created",
    ]
