"""Records made to harm whoever evaluates them are judged like others, and before anybody's patience ends."""

from __future__ import annotations

import pytest

from shared.domain_checks.answers import FOUND, NXDOMAIN, Answer
from shared.domain_checks.spf import check_host

#: as much as one TXT record can hold
FULL = 65_000


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    ("terms", "result"),
    [
        ("a:." + "a" * FULL + "!", "permerror"),
        ("a:" + ".a" * (FULL // 2) + "!", "permerror"),
        ("a:x." + "a-" * (FULL // 2), "permerror"),
        ("a:" + "%{d}" * (FULL // 4), "neutral"),
        ("a:" + "%{d1}." * (FULL // 6) + "com", "neutral"),
        ("a:%{d" + "9" * 5_000 + "}.test", "neutral"),
        ("ip4:1.2.3.4/" + "9" * 5_000, "permerror"),
        ("include:me.test " * 4_000, "permerror"),
    ],
    ids=["letters", "labels", "hyphens", "macros", "dots", "count", "length", "circle"],
)
def test_record_that_is_huge_or_odd_is_judged(terms: str, result: str) -> None:
    def ask(name: str, kind: str) -> Answer:
        known = (name, kind) == ("me.test", "TXT")
        return Answer(FOUND, (f"v=spf1 {terms}",)) if known else Answer(NXDOMAIN)

    assert check_host(ask, "192.0.2.1", "a@me.test", "me.test").result == result
