"""Single records, judged against zones written down here: what is right in the wild, and what is not."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain_checks.answers import ABSENT, FOUND, NXDOMAIN, UNKNOWN, Answer, Ask
from shared.domain_checks.dkim import judge_dkim
from shared.domain_checks.dmarc import judge_dmarc
from shared.domain_checks.findings import Judged
from shared.domain_checks.mx import judge_mx
from shared.domain_checks.records import DMARC, Expected, Install, Key, expected_records
from shared.domain_checks.score import score
from shared.domain_checks.spf_record import judge_spf
from shared.ids import new_id

KEY = "MIIB" + "k" * 388
INSTALL = Install("spf.x.test", "bounces.x.test", "links.x.test")
RECORDS = expected_records("a.example.com", [Key(new_id(), "mm1", "rsa-sha256", KEY, "active")], INSTALL)
AT = "mm1._domainkey.a.example.com"


def zone(records: dict[tuple[str, str], Any], otherwise: str = NXDOMAIN) -> Ask:
    """A DNS that knows these; None: it does not answer."""

    def ask(name: str, kind: str) -> Answer:
        values = records.get((name, kind), ())
        if values is None:
            return Answer(UNKNOWN)
        return Answer(FOUND, tuple(values)) if values else Answer(otherwise)

    return ask


def record(purpose: str) -> Expected:
    return next(item for item in RECORDS if item.purpose == purpose)


def code(judged: Judged) -> str:
    """`verified`, or what is wrong."""
    return judged.problem.code if judged.problem else judged.status


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (f"v=DKIM1; k=rsa; p={KEY}", "verified"),
        (f"p={KEY}", "verified"),
        (f"v=DKIM1;k=rsa;h=sha1:sha256;s=*;t=s;p={KEY[:99]} {KEY[99:]};", "verified"),
        (f"v=DKIM1; k=ed25519; p={KEY}", "wrong_tags"),
        (f"v=DKIM1; h=sha1; p={KEY}", "wrong_tags"),
        (f"v=DKIM1\\; k=rsa\\; p={KEY}", "broken_quoting"),
        (f'"v=DKIM1; k=rsa; p={KEY}"', "broken_quoting"),
        (f'v=DKIM1; k=rsa; p={KEY[:99]}" "{KEY[99:]}', "broken_quoting"),
        (f"v=DKIM1; k=rsa; p={KEY[:237]}", "truncated"),
        ("v=DKIM1; k=rsa; p=", "key_revoked"),
        (f"v=DKIM1; k=rsa; p={KEY[::-1]}", "key_mismatch"),
        ("something else", "key_mismatch"),
    ],
)
def test_dkim_record_is_judged(value: str, said: str) -> None:
    assert code(judge_dkim(zone({(AT, "TXT"): [value]}), record("dkim"))) == said


@pytest.mark.parametrize(
    ("text", "said", "policy"),
    [
        ("v=DMARC1; p=none", "verified", ("none", False, False)),
        ("v=DMARC1;p=REJECT;rua=mailto:a@example.com", "verified", ("reject", False, True)),
        ("v=DMARC1; p=quarantine; pct=50; rf=afrf; ri=86400", "verified", ("quarantine", False, False)),
        ("v=DMARC1; p=reject; t=y; np=reject; psd=n", "verified", ("reject", True, False)),
        ("v = DMARC1 ; rua=mailto:a@example.com", "verified", ("none", False, True)),
        ("v=DMARC1", "malformed", None),
        ("v=DMARC1; p=block", "malformed", None),
        ("v=DMARC1; p=none; p=reject", "malformed", None),
        ("v=DMARC1 p=none", "malformed", None),
        ('"v=DMARC1; p=none"', "malformed", None),
        ("v=dmarc1; p=none", "malformed", None),
    ],
)
def test_dmarc_record_is_judged(text: str, said: str, policy: tuple[str, bool, bool] | None) -> None:
    judged, found = judge_dmarc(zone({("_dmarc.a.example.com", "TXT"): [text]}), record(DMARC))
    assert code(judged) == said
    assert (found and (found.policy, found.testing, found.reports)) == policy


def test_dmarc_tree_is_walked_up_in_eight_questions_at_most() -> None:
    asked: list[str] = []

    def ask(name: str, kind: str) -> Answer:
        asked.append(name)
        return Answer(ABSENT)

    domain = ".".join("abcdefghijk")
    judge_dmarc(ask, Expected(domain, DMARC, "TXT", "_dmarc", "v=DMARC1; p=none", required=False))
    walked = [name for name in dict.fromkeys(asked) if name.startswith("_dmarc.")][:8]
    assert walked[:2] == [f"_dmarc.{domain}", "_dmarc.e.f.g.h.i.j.k"]
    assert walked[-1] == "_dmarc.k"


@pytest.mark.parametrize(
    ("policy", "said"),
    [("p=reject; sp=quarantine", "quarantine"), ("p=reject", "reject"), ("p=none", "none")],
)
def test_policy_for_subdomains_is_what_counts_further_up(policy: str, said: str) -> None:
    _, found = judge_dmarc(zone({("_dmarc.example.com", "TXT"): [f"v=DMARC1; {policy}"]}), record(DMARC))
    assert found is not None
    assert found.policy == said


@pytest.mark.parametrize(
    ("records", "found"),
    [
        # the organizational domain is the one nearest to the root, not the one nearest to the sender
        ({"b.example.com": "p=none", "example.com": "p=reject"}, "reject"),
        ({"b.example.com": "p=none; psd=n", "example.com": "p=reject"}, "none"),
        ({"example.com": "p=reject", "com": "p=none; psd=y"}, "reject"),
        ({"b.example.com": "p=reject", "com": "p=none; psd=y"}, "none"),
        ({"b.example.com": "p=none", "example.com": "p=rejected"}, "none"),
        ({"a.b.example.com": "p=none", "example.com": "p=reject"}, "none"),
    ],
)
def test_policy_is_the_domains_own_or_that_of_its_organization(records: dict[str, str], found: str) -> None:
    ask = zone({(f"_dmarc.{name}", "TXT"): [f"v=DMARC1; {text}"] for name, text in records.items()})
    wanted = Expected("a.b.example.com", DMARC, "TXT", "_dmarc", "v=DMARC1; p=none", required=False)
    judged, policy = judge_dmarc(ask, wanted)
    assert (judged.status, policy and policy.policy) == ("verified", found)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("v=spf1 include:spf.x.test -all", "verified"),
        ("v=spf1 include:spf.x.test +all", "allows_everyone"),
        ("v=spf1 redirect=spf.x.test", "verified"),
        ("v=spf1 -include:spf.x.test +all", "not_included"),
        ("v=spf1 -all", "not_included"),
        ("v=spf1 include:gone.test -all", "invalid"),
    ],
)
def test_our_include_is_looked_for_when_no_sending_host_is_known(text: str, said: str) -> None:
    records = {("a.example.com", "TXT"): [text], ("spf.x.test", "TXT"): ["v=spf1 ip4:198.51.100.0/24 -all"]}
    assert code(judge_spf(zone(records), "a.example.com", INSTALL)) == said


@pytest.mark.parametrize(
    ("hosts", "said"),
    [(["mx.x.test"], "verified"), ([""], "null_mx"), ([], "not_found"), (None, "dns_unavailable")],
)
def test_mx_is_judged(hosts: list[str] | None, said: str) -> None:
    assert code(judge_mx(zone({("a.example.com", "MX"): hosts}), "a.example.com")) == said


@pytest.mark.parametrize(
    ("own", "returning", "points", "said"),
    [
        ("include:spf.x.test -all", "include:spf.x.test -all", 25, []),
        ("-all", "include:spf.x.test -all", 20, ["not_included"]),
        ("include:spf.x.test -all", "-all", 15, ["not_included"]),
        ("ipv4:1.2.3.4", "-all", 10, ["not_included", "invalid"]),
    ],
)
def test_spf_of_return_path_and_domain_both_count(
    own: str, returning: str, points: int, said: list[str]
) -> None:
    records = {
        ("a.example.com", "TXT"): [f"v=spf1 {own}"],
        ("bounces.a.example.com", "TXT"): [f"v=spf1 {returning}"],
        ("spf.x.test", "TXT"): ["v=spf1 ip4:198.51.100.0/24 -all"],
    }
    spf = score(zone(records), RECORDS, INSTALL, return_path=True).checks[0]
    assert (spf.name, spf.points, [problem.code for problem in spf.problems]) == ("spf", points, said)


def test_score_is_of_what_could_be_asked_when_a_part_of_the_dns_is_silent() -> None:
    records = {
        (AT, "TXT"): [record("dkim").value],
        ("a.example.com", "MX"): [""],
        ("a.example.com", "TXT"): None,
        ("_dmarc.a.example.com", "TXT"): None,
    }
    told = score(zone(records), RECORDS, INSTALL, return_path=False)
    assert (told.score, told.inconclusive) == (80, True)  # 40 of DKIM's 40, none of MX's 10
    assert {check.name: check.status for check in told.checks} == {
        "spf": "inconclusive",
        "dkim": "pass",
        "dmarc": "inconclusive",
        "mx": "fail",
    }
