"""POST /api/validate and the MX check of sends, against a real DNS: the same cases through both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
import requests

from deploy.local.cluster import Cluster
from tests.fixtures.api import Client, new_client
from tests.fixtures.dns_server import Dns, fresh, silent_resolver
from tests.fixtures.own_gateway import own_gateway

_UNKNOWN = ("unknown", "dns_unknown", "unknown")


@dataclass(frozen=True)
class Case:
    """A domain `{d}` in the DNS, and what is said of it: `result`, `code`, and the status of `checks.mx`.

    `written` is the domain as an address has it, where that is not as the DNS has it.
    """

    name: str
    records: dict[tuple[str, str], tuple[str, ...]]
    said: tuple[str, str, str]
    hosts: tuple[str, ...] = ()
    written: str = "{d}"


CASES = (
    Case(
        "mx",
        {("{d}", "MX"): ("20 b.{d}.", "10 a.{d}.")},
        ("valid", "deliverable", "mx"),
        ("a.{d}", "b.{d}"),
    ),
    Case("only-a", {("{d}", "A"): ("192.0.2.1",)}, ("valid", "deliverable", "address"), ("{d}",)),
    Case("only-aaaa", {("{d}", "AAAA"): ("2001:db8::1",)}, ("valid", "deliverable", "address"), ("{d}",)),
    Case("null-mx", {("{d}", "MX"): ("0 .",)}, ("invalid", "null_mx", "null_mx")),
    Case("neither", {("{d}", "TXT"): ('"v=spf1 -all"',)}, ("invalid", "no_mail", "no_mail")),
    Case("nxdomain", {}, ("invalid", "nxdomain", "nxdomain")),
    Case(
        "cname",
        {("{d}", "CNAME"): ("to.{d}.",), ("to.{d}", "MX"): ("10 mx.{d}.",)},
        ("valid", "deliverable", "mx"),
        ("mx.{d}",),
    ),
    Case(
        "dangling-cname", {("{d}", "CNAME"): ("nothing.{d}.",)}, ("invalid", "nxdomain", "nxdomain")
    ),
    Case(
        "idn",
        {("xn--bcher-kva.{d}", "MX"): ("10 mx.{d}.",)},
        ("valid", "deliverable", "mx"),
        ("mx.{d}",),
        "Bücher.{d}",
    ),
    Case(
        "idn-null-mx",
        {("xn--bcher-kva.{d}", "MX"): ("0 .",)},
        ("invalid", "null_mx", "null_mx"),
        written="bücher.{d}",
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def domains(dns: Dns) -> dict[str, str]:
    """The domain of each case by its name; all of them published at once."""
    made = {case.name: fresh(case.name) for case in CASES}
    dns.set_all(
        {
            (name.format(d=made[case.name]), kind): tuple(value.format(d=made[case.name]) for value in values)
            for case in CASES
            for (name, kind), values in case.records.items()
        }
    )
    return made


@pytest.fixture(scope="module")
def checking(running: Cluster) -> Iterator[Client]:
    """A tenant at a gateway that checks recipients' domains."""
    with own_gateway(running, MAILMATIC_MX_CHECK="on", MAILMATIC_HTTP_WORKERS="1") as url:
        yield replace(new_client(running), url=url)


@pytest.fixture(scope="module")
def deaf(running: Cluster) -> Iterator[Client]:
    """A tenant at a gateway whose resolver never answers."""
    with (
        silent_resolver() as silent,
        own_gateway(
            running,
            MAILMATIC_MX_CHECK="on",
            MAILMATIC_DNS_RESOLVERS=silent,
            MAILMATIC_DNS_TIMEOUT_SECONDS="0.3",
        ) as url,
    ):
        yield replace(new_client(running), url=url)


def validate(api: Client, email: str) -> dict[str, Any]:
    """POST /api/validate, which always answers."""
    response = api.post("/api/validate", {"email": email})
    assert response.status_code == 200, response.text
    return dict(response.json())


def said(answer: dict[str, Any]) -> tuple[str, str, str]:
    """Result, code and MX status of an answer."""
    return answer["result"], answer["code"], answer["checks"]["mx"]["status"]


def mail(api: Client, *to: str) -> dict[str, Any]:
    """An email to somebody."""
    return {"from": api.sender, "to": list(to), "subject": "Hello", "text": "Hi"}


def send(api: Client, *to: str, **headers: str) -> requests.Response:
    """POST /api/send."""
    return api.post("/api/send", mail(api, *to), headers=headers)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_validation_says_what_the_dns_says(checking: Client, domains: dict[str, str], case: Case) -> None:
    domain = domains[case.name]
    answer = validate(checking, f"ada@{case.written.format(d=domain)}")
    assert said(answer) == case.said
    assert answer["valid"] is (case.said[0] == "valid")
    assert answer["checks"]["mx"]["hosts"] == [host.format(d=domain) for host in case.hosts]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_send_is_refused_only_when_the_domain_receives_no_mail(
    checking: Client, domains: dict[str, str], case: Case
) -> None:
    good, judged = f"ada@{domains['mx']}", f"eve@{case.written.format(d=domains[case.name])}"
    response = send(checking, good, judged)
    if case.said[0] == "valid":
        assert response.status_code == 202, response.text
        return
    assert (response.status_code, response.json()["code"]) == (422, "recipient_undeliverable")
    (fault,) = response.json()["errors"]
    assert fault["pointer"] == "/to/1"
    sent_to = validate(checking, judged)["normalized"]
    assert fault["detail"].startswith(f"{sent_to} receives no mail.")


def test_servfail_is_unknown_and_refuses_nothing(checking: Client, dns: Dns) -> None:
    email = f"ada@{dns.broken()}"
    answer = validate(checking, email)
    assert said(answer) == _UNKNOWN
    assert answer["valid"] is True
    assert send(checking, email).status_code == 202
    batch = checking.post("/api/send/batch", {"emails": [mail(checking, email)]}).json()
    assert batch["results"][0]["status"] == "sent"


def test_timeout_is_unknown_and_refuses_nothing(deaf: Client) -> None:
    assert said(validate(deaf, f"ada@{fresh()}")) == _UNKNOWN
    # more of them than a gateway has patience for: it stops waiting, and still refuses nothing
    assert [send(deaf, f"ada@{fresh()}").status_code for _ in range(6)] == [202] * 6
    emails = [mail(deaf, f"ada@{fresh()}") for _ in range(100)]
    results = deaf.post("/api/send/batch", {"emails": emails}).json()["results"]
    assert {result["status"] for result in results} == {"sent"}


def test_every_recipient_at_fault_is_named(checking: Client, domains: dict[str, str]) -> None:
    nowhere, null, good = domains["nxdomain"], domains["null-mx"], domains["mx"]
    email = {**mail(checking, f"a@{good}", f"b@{nowhere}"), "cc": f"c@{null}", "bcc": [f"d@{nowhere}"]}
    response = checking.post("/api/send", email)
    assert response.status_code == 422
    assert response.json()["error"] == "3 recipients receive no mail."
    assert response.json()["errors"] == [
        {"pointer": "/to/1", "detail": f"b@{nowhere} receives no mail. The domain does not exist."},
        {
            "pointer": "/cc",
            "detail": f"c@{null} receives no mail. The domain says that it receives no mail (RFC 7505).",
        },
        {"pointer": "/bcc/0", "detail": f"d@{nowhere} receives no mail. The domain does not exist."},
    ]


def test_email_of_a_batch_fails_on_its_own_when_its_domain_receives_no_mail(
    checking: Client, dns: Dns
) -> None:
    receiving, refusing = [fresh() for _ in range(50)], [fresh() for _ in range(50)]
    dns.set_all(
        {
            **{(domain, "MX"): (f"10 mx.{domain}.",) for domain in receiving},
            **{(domain, "MX"): ("0 .",) for domain in refusing},
        }
    )
    domains = [domain for pair in zip(receiving, refusing, strict=True) for domain in pair]
    emails = [mail(checking, f"ada@{domain}") for domain in domains]
    results = checking.post("/api/send/batch", {"emails": emails}).json()["results"]
    assert [result["status"] for result in results] == ["sent", "failed"] * 50
    assert {result["code"] for result in results[1::2]} == {"recipient_undeliverable"}
    assert [result["errors"][0]["pointer"] for result in results[1::2]] == [
        f"/emails/{index}/to/0" for index in range(1, 100, 2)
    ]


def test_refusal_claims_no_idempotency_key(checking: Client, domains: dict[str, str]) -> None:
    key = {"Idempotency-Key": fresh("key")}
    assert send(checking, f"ada@{domains['nxdomain']}", **key).status_code == 422
    assert send(checking, f"ada@{domains['mx']}", **key).status_code == 202


def test_nothing_is_refused_when_the_check_is_off(api: Client, domains: dict[str, str]) -> None:
    assert send(api, f"ada@{domains['nxdomain']}").status_code == 202
    # who asks is told all the same
    assert validate(api, f"ada@{domains['nxdomain']}")["code"] == "nxdomain"


@pytest.mark.parametrize("domain", ["simulator.mailmatic.test", "sandbox.mailmatic.test"])
def test_domains_of_the_install_itself_are_not_looked_up(checking: Client, domain: str) -> None:
    assert send(checking, f"delivered@{domain}").status_code == 202
    answer = validate(checking, f"delivered@{domain}")
    assert (answer["valid"], answer["code"], answer["checks"]["mx"]) == (True, "deliverable", None)


def test_check_holds_when_redis_is_away(running: Cluster, domains: dict[str, str]) -> None:
    nobody = "redis://127.0.0.1:1/0"
    with own_gateway(running, MAILMATIC_MX_CHECK="on", REDIS_URL=nobody) as url:
        client = replace(new_client(running), url=url)
        assert send(client, f"ada@{domains['null-mx']}").status_code == 422
        assert send(client, f"ada@{domains['mx']}").status_code == 202
