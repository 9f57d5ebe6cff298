"""Addresses of a public list and of the standards: our verdict on each, argued where it is another."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from shared.addresses import AddressError, parse_address
from tests.unit.gateway.addresses.suite import ARGUMENTS, CASES, HEADING, Case, section

GUIDE = Path(__file__).parents[4] / "docs/guides/validation.md"


def accepts(text: str) -> bool:
    """Whether `text` is an address for the API: one without a name."""
    try:
        return parse_address(text).name is None and "<" not in text
    except AddressError:
        return False


@pytest.mark.parametrize("case", CASES, ids=lambda case: ascii(case.address)[:60])
def test_verdict_is_the_listed_one(case: Case) -> None:
    assert accepts(case.address) is case.accepted


def test_every_difference_has_its_argument_and_nothing_else_has_one() -> None:
    assert [case for case in CASES if case.differs != (case.because is not None)] == []
    assert {case.because for case in CASES} - {None} == set(ARGUMENTS)


def test_suite_holds_the_public_list_and_no_address_twice() -> None:
    assert sum(case.public is not None for case in CASES) >= 150
    assert [address for address, count in Counter(case.address for case in CASES).items() if count > 1] == []
    assert {case.grammar for case in CASES} == {"mailbox", "header", "none"}


def test_guide_lists_every_difference() -> None:
    _, heading, end = GUIDE.read_text(encoding="utf-8").partition(HEADING)
    # else: python -m tests.unit.gateway.addresses.suite prints what belongs there
    assert heading + end == section()
