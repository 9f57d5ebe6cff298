"""The openspf suite for RFC 7208 (release 2014.04, as pyspf 2.0.14 has it, LICENSE beside it): every result.

All 203 cases are run, and none is excepted. What a refusal would say (`explanation:`) is not compared: the
evaluator does not fetch exp=, though it refuses one that is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.domain_checks.answers import ABSENT, FOUND, NXDOMAIN, UNKNOWN, Answer
from shared.domain_checks.spf import check_host

_SUITE = Path(__file__).with_name("rfc7208-tests.yml")


@dataclass(frozen=True)
class Zone:
    """A scenario's DNS: what is given as SPF stands as TXT too, unless the name has TXT of its own."""

    data: dict[str, list[Any]]

    def __call__(self, name: str, kind: str, followed: int = 0) -> Answer:
        """What a resolver makes of the scenario; CNAMEs are followed, in a circle only so often."""
        if followed > 8:
            return Answer(UNKNOWN)
        items = self.data.get(name.lower().removesuffix("."))
        if items is None or any(not 0 < len(label) <= 63 for label in name.removesuffix(".").split(".")):
            return Answer(NXDOMAIN)
        found = [item[kind] for item in items if isinstance(item, dict) and kind in item]
        if kind == "TXT" and not found:
            found = [item["SPF"] for item in items if isinstance(item, dict) and "SPF" in item]
        found = [value for value in found if value != "NONE"]
        if found:
            return Answer(FOUND, tuple(_values(kind, found)))
        if "TIMEOUT" in items:
            return Answer(UNKNOWN)
        for item in items:
            if isinstance(item, dict) and "CNAME" in item:
                return self(item["CNAME"], kind, followed + 1)
        return Answer(ABSENT)


def _values(kind: str, found: list[Any]) -> Iterator[str]:
    if kind == "MX":
        yield from (host.removesuffix(".").lower() for _, host in sorted(map(tuple, found)))
    elif kind == "TXT":
        yield from ("".join(value) if isinstance(value, list) else value for value in found)
    else:
        yield from (str(value).removesuffix(".").lower() for value in found)


def cases() -> Iterator[Any]:
    """Every test of every scenario."""
    for scenario in yaml.safe_load_all(_SUITE.read_text()):
        zone = Zone({str(name).lower(): items for name, items in scenario["zonedata"].items()})
        for name, case in scenario["tests"].items():
            yield pytest.param(zone, case, id=name)


@pytest.mark.parametrize(("zone", "case"), list(cases()))
def test_result_is_what_the_suite_says(zone: Zone, case: dict[str, Any]) -> None:
    result = case["result"]
    told = check_host(zone, case["host"], case["mailfrom"], case["helo"])
    assert told.result in (result if isinstance(result, list) else [result]), told.reason
