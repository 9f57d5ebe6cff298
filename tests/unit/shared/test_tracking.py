"""Tokens in links say what they are about, stay good for years, and can't be made up."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from random import Random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import settings as run
from hypothesis import strategies as st

from shared.ids import new_id
from shared.tracking import (
    LONGEST_TARGET,
    Click,
    Open,
    Token,
    Tokens,
    TrackingUrls,
    Unsubscription,
    link,
    whom,
)

OURS, EMAIL, CONTACT, CAMPAIGN = Tokens(["one"]), new_id(), new_id(), new_id()
CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=.~ \n\0é"
TARGET = "https://shop.example/a?b=c&d=%C3%A9#part"

targets = st.from_regex(r"https?://[!-~]{1,300}", fullmatch=True)
positions = st.one_of(st.none(), st.integers(0, 0xFFFE))
made = st.one_of(
    st.builds(Open, st.uuids(), positions),
    st.builds(Click, st.uuids(), positions, st.integers(0, 0xFFFF), targets),
    st.builds(Unsubscription, st.uuids(), positions),
    st.builds(Unsubscription, st.uuids(), positions, st.uuids(), st.uuids()),
)


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token_of(meant: Token, tokens: Tokens = OURS) -> str:
    if isinstance(meant, Open):
        return tokens.open(whom(meant.email_id, meant.position))
    if isinstance(meant, Click):
        return tokens.click(whom(meant.email_id, meant.position), link(meant.index, meant.target))
    return tokens.unsubscription(whom(meant.email_id, meant.position), meant.contact_id, meant.campaign_id)


@given(made)
def test_what_was_meant_comes_back(meant: Token) -> None:
    token = token_of(meant)
    assert OURS.read(token) == meant
    assert re.fullmatch(r"[A-Za-z0-9_-]+", token)


@given(made)
def test_quick_looks_say_the_same(meant: Token) -> None:
    token = token_of(meant)
    assert OURS.is_open(token) is isinstance(meant, Open)
    assert OURS.target(token) == (meant.target if isinstance(meant, Click) else None)
    assert not OURS.is_open(token + "A")
    assert OURS.target(token[:-1]) is None


@given(made)
def test_links_stay_good_when_master_keys_rotate(meant: Token) -> None:
    token = token_of(meant)
    assert Tokens(["three", "two", "one"]).read(token) == meant
    assert Tokens(["two"]).read(token) is None


def test_newest_key_makes_tokens() -> None:
    assert Tokens(["two", "one"]).open(whom(EMAIL, 0)) == Tokens(["two"]).open(whom(EMAIL, 0))


def test_keys_with_the_same_id_are_all_tried() -> None:
    names = [str(number) for number in range(600)]  # more than there are ids
    token = Tokens(["0"]).open(whom(EMAIL, 0))
    assert Tokens([*names[1:], names[0]]).read(token) == Open(EMAIL, 0)


@run(max_examples=100, deadline=None)
@given(made, st.randoms(use_true_random=False))
def test_changed_or_cut_tokens_are_nothing(meant: Token, chance: Random) -> None:
    token = token_of(meant)
    for at in chance.sample(range(len(token)), 25):
        other = chance.choice(CHARACTERS)
        before, after = token[:at], token[at + 1 :]
        damaged = {before + other + after, before, before + after, before + other + token[at:]} - {token}
        assert [changed for changed in damaged if OURS.read(changed)] == []


@run(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=200), st.binary(max_size=200).map(encoded)))
def test_made_up_tokens_are_nothing(token: str) -> None:
    assert OURS.read(token) is None


@given(made, made)
def test_one_kind_is_not_taken_for_another(one: Token, other: Token) -> None:
    head, tail = token_of(one), token_of(other)
    spliced = head[:2] + tail[2:]
    assert OURS.read(spliced) in (None, other if spliced == tail else None)


@pytest.mark.parametrize(
    "target",
    [
        "javascript:alert(1)", "data:text/html,x", "//evil.example", "/path", "ftp://a/b", "https://", "",
        "https://a/\r\nSet-Cookie: a=b", "https://a/ b", "https://a/é", "https://a/\x7f",
        "https://a/" + "b" * LONGEST_TARGET,
    ],
)  # fmt: skip
def test_targets_that_are_no_web_address_get_no_token(target: str) -> None:
    with pytest.raises(ValueError, match="not a URL"):
        OURS.click(whom(EMAIL, 0), link(0, target))


@pytest.mark.parametrize("target", [b"javascript:alert(1)", b"https://a/\r\nb", b"https://a/\xc3\xa9"])
def test_target_is_checked_again_when_a_token_is_read(target: bytes) -> None:
    key = hmac.digest(b"one", b"mailmatic.tracking", "sha256")
    payload = b"\x12" + hashlib.sha256(key).digest()[:1] + EMAIL.bytes + bytes(4) + target
    data = payload + hashlib.blake2b(payload, digest_size=10, key=key).digest()
    assert OURS.read(encoded(data)) is None
    assert OURS.target(encoded(data)) is None


def test_tokens_of_versions_to_come_are_nothing() -> None:
    key = hmac.digest(b"one", b"mailmatic.tracking", "sha256")
    payload = b"\x21" + hashlib.sha256(key).digest()[:1] + EMAIL.bytes + bytes(2)
    data = payload + hashlib.blake2b(payload, digest_size=10, key=key).digest()
    assert OURS.read(encoded(data)) is None


def test_addresses_are_short_and_below_the_base() -> None:
    urls = TrackingUrls("https://links.shop.example", OURS)
    assert urls.open(whom(EMAIL, 3)) == f"https://links.shop.example/api/t/o/{OURS.open(whom(EMAIL, 3))}"
    assert urls.click(whom(EMAIL, 3), link(1, TARGET)) == (
        f"https://links.shop.example/api/t/c/{OURS.click(whom(EMAIL, 3), link(1, TARGET))}"
    )
    assert len(urls.open(whom(EMAIL, 3))) <= 76  # one line of a header, or of quoted-printable
    shown = urls.unsubscribe(whom(EMAIL, 3), CONTACT, CAMPAIGN)
    assert OURS.read(shown.rpartition("/")[2]) == Unsubscription(EMAIL, 3, CONTACT, CAMPAIGN)
    assert len(shown) < 160


def test_without_a_master_key_there_are_no_links() -> None:
    with pytest.raises(ValueError, match="MAILMATIC_MASTER_KEYS"):
        Tokens([])


def test_half_of_contact_and_campaign_is_neither() -> None:
    assert OURS.read(OURS.unsubscription(whom(EMAIL, 0), CONTACT)) == Unsubscription(EMAIL, 0)
    assert OURS.read(OURS.unsubscription(whom(EMAIL, 0), None, UUID(int=1))) == Unsubscription(EMAIL, 0)
