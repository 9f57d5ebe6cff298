"""A hit is one line, and comes back out of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tracker.hits import CLICK, LONGEST_AGENT, OPEN, UNSUBSCRIBE, Hit, line, parse
from shared.clock import now
from shared.ids import new_id
from shared.tracking import Tokens, link, whom

TOKENS, EMAIL, CONTACT, CAMPAIGN = Tokens(["one"]), new_id(), new_id(), new_id()
TARGET = "https://shop.example/?a=b"
LINE = line(new_id(), TOKENS.open(whom(EMAIL, 0)), "GET", "Firefox", "192.0.2.1")


def test_an_open_a_click_and_a_way_out_come_back() -> None:
    id = new_id()
    opened = line(id, TOKENS.open(whom(EMAIL, 2)), "HEAD", "Firefox", "192.0.2.1", prefetch=True)
    assert parse(opened, TOKENS) == Hit(id, OPEN, EMAIL, 2, "HEAD", "Firefox", "192.0.2.1", True)
    clicked = line(id, TOKENS.click(whom(EMAIL, None), link(7, TARGET)), "GET", "", "")
    assert parse(clicked, TOKENS) == Hit(id, CLICK, EMAIL, None, "GET", "", "", index=7, target=TARGET)
    left = line(id, TOKENS.unsubscription(whom(EMAIL, 0), CONTACT, CAMPAIGN), "POST", "x", "y", scope="all")
    assert parse(left, TOKENS) == Hit(
        id, UNSUBSCRIBE, EMAIL, 0, "POST", "x", "y", contact_id=CONTACT, campaign_id=CAMPAIGN, scope="all"
    )


@given(st.text())
def test_whatever_a_client_says_it_is_stays_one_field_of_one_line(agent: str) -> None:
    written = line(new_id(), TOKENS.open(whom(EMAIL, 0)), "GET", agent, "192.0.2.1")
    assert len(written.splitlines()) == 1
    hit = parse(written, TOKENS)
    assert hit is not None
    assert (hit.address, len(hit.agent)) == ("192.0.2.1", min(len(agent), LONGEST_AGENT))


def test_a_hits_id_says_when_it_was() -> None:
    before = now() - timedelta(milliseconds=1)
    hit = parse(line(new_id(), TOKENS.open(whom(EMAIL, 0)), "GET", "", ""), TOKENS)
    assert hit is not None
    # ids made in a burst run a little ahead of the clock, so that they ascend
    assert before <= hit.occurred_at <= now() + timedelta(seconds=1)


@pytest.mark.parametrize("length", range(0, len(LINE), 7))
def test_a_line_that_was_not_written_whole_is_nothing_or_the_same_hit(length: int) -> None:
    assert parse(LINE[:length], TOKENS) is None or LINE[:length].count("\t") == LINE.count("\t")


def test_fields_of_the_future_are_passed_over() -> None:
    assert parse(f"{LINE}\tof the future", TOKENS) == parse(LINE, TOKENS)


@given(st.text(max_size=200))
def test_any_other_text_is_nothing(text: str) -> None:
    assert parse(text, TOKENS) is None


def test_a_line_with_a_token_that_is_not_ours_is_nothing() -> None:
    assert parse(LINE, Tokens(["another"])) is None
    assert parse(LINE.replace("\t", "\tx", 1), TOKENS) is None
