"""Headers as an independent parser reads them back."""

from __future__ import annotations

from email.header import decode_header, make_header

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sender.headers import HeaderInjection, address_field, field, mailbox

_PRINTABLE = st.text(
    st.characters(min_codepoint=32, exclude_categories=["Cs", "Cc"]), min_size=1, max_size=300
)


def unfolded(line: str) -> str:
    return line.replace("\r\n", "").split(": ", 1)[1]


def test_short_ascii_value_travels_as_it_is() -> None:
    assert field("X-Order", "42 is the answer") == "X-Order: 42 is the answer"


def test_long_ascii_value_is_folded_only_at_spaces() -> None:
    value = "word " * 60 + "end"
    line = field("X-Long", value)
    assert max(map(len, line.split("\r\n"))) <= 78
    assert unfolded(line) == value


def test_value_without_spaces_is_never_broken() -> None:
    url = "<https://example.test/" + "u" * 200 + ">"
    assert field("List-Unsubscribe", url) == f"List-Unsubscribe: {url}"


@given(st.lists(st.sampled_from(["a", "bb" * 30, "", "c" * 70]), min_size=1, max_size=40))
def test_folding_leaves_no_blank_line(words: list[str]) -> None:
    value = " ".join(words) + "x"
    line = field("X-Spaces", value)
    assert unfolded(line) == value
    assert all(part.strip() for part in line.split("\r\n"))


@given(_PRINTABLE)
def test_unicode_value_survives_encoding(value: str) -> None:
    value = f"é{value}é"
    line = field("Subject", value)
    assert line.isascii()
    assert max(map(len, line.split("\r\n"))) <= 78
    assert str(make_header(decode_header(line.split(": ", 1)[1].replace("\r\n", "")))) == value


@pytest.mark.parametrize("value", ["a\r\nBcc: x@y.test", "a\nb", "a\rb", "a\0b"])
def test_line_break_in_a_value_is_refused(value: str) -> None:
    with pytest.raises(HeaderInjection):
        field("X-A", value)
    with pytest.raises(HeaderInjection):
        mailbox(value, "a@b.test")


@pytest.mark.parametrize(
    ("display", "expected"),
    [
        (None, "a@b.test"),
        ("Ann", "Ann <a@b.test>"),
        ('Ann "The Boss", Inc.', '"Ann \\"The Boss\\", Inc." <a@b.test>'),
        ("Zoë", "=?utf-8?q?Zo=C3=AB?= <a@b.test>"),
    ],
)
def test_display_name_is_quoted_or_encoded_as_it_needs(display: str | None, expected: str) -> None:
    assert mailbox(display, "a@b.test") == expected


def test_many_mailboxes_take_a_line_each() -> None:
    line = address_field("To", [(None, f"recipient-{n}@example.test") for n in range(50)])
    assert len(line.split("\r\n")) == 50
    assert max(map(len, line.split("\r\n"))) <= 78
