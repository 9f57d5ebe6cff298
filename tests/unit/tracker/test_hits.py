"""A hit is one line, and comes back out of it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tracker.hits import CLICK, OPEN, UNSUBSCRIBE, Hit, parse
from shared.clock import now
from shared.ids import new_id

HIT = Hit(new_id(), OPEN, new_id(), 0, "GET", "Firefox", "192.0.2.1")
_MAYBE = st.one_of(st.none(), st.uuids())
_HITS = st.builds(
    Hit,
    st.uuids(),
    st.sampled_from([OPEN, CLICK, UNSUBSCRIBE]),
    st.uuids(),
    st.one_of(st.none(), st.integers(0, 0xFFFE)),
    st.text(),
    st.text(),
    st.text(),
    st.booleans(),
    st.one_of(st.none(), st.integers(0, 0xFFFF)),
    st.one_of(st.none(), st.text()),
    _MAYBE,
    _MAYBE,
    st.one_of(st.none(), st.text()),
)


@given(_HITS)
def test_a_hit_comes_back_out_of_its_line(hit: Hit) -> None:
    line = hit.line()
    assert "\n" not in line
    assert len(line.splitlines()) == 1
    assert parse(line) == hit


def test_a_hits_id_says_when_it_was() -> None:
    assert abs((HIT.occurred_at - now()).total_seconds()) < 60


@given(st.integers(0, 200))
def test_a_line_that_was_not_written_whole_is_nothing(length: int) -> None:
    line = HIT.line()
    assert parse(line[:length]) is None or length >= len(line)


def test_fields_that_came_later_may_be_missing_or_too_many() -> None:
    fields = json.loads(HIT.line())
    assert parse(json.dumps(fields[:8])) == HIT
    assert parse(json.dumps([*fields, "of the future"])) == HIT


@pytest.mark.parametrize("line", ["", "null", "[]", "{}", "[1,2,3]", '"open"', "[" * 5000])
def test_what_is_no_hit_is_nothing(line: str) -> None:
    assert parse(line) is None


@given(st.text(max_size=200))
def test_any_text_is_read_or_nothing(line: str) -> None:
    parse(line)


@pytest.mark.parametrize(("at", "value"), [(0, "x"), (1, "buy"), (2, None), (3, -1), (3, 0xFFFF), (3, "no")])
def test_a_line_with_a_field_that_makes_no_sense_is_nothing(at: int, value: object) -> None:
    fields = json.loads(HIT.line())
    fields[at] = value
    assert parse(json.dumps(fields)) is None
