"""Addresses as people and programs write them."""

from __future__ import annotations

import pytest

from shared.addresses import Address, AddressError, domain_name, has_controls, parse_address


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ada@example.com", Address("ada", "example.com")),
        ("  ada@EXAMPLE.com ", Address("ada", "example.com")),
        ("Ada.Lovelace+tag@example.com", Address("Ada.Lovelace+tag", "example.com")),
        ("Ada <ada@example.com>", Address("ada", "example.com", "Ada")),
        ("Ada M. Lovelace <ada@example.com>", Address("ada", "example.com", "Ada M. Lovelace")),
        ('"Lovelace, Ada" <ada@example.com>', Address("ada", "example.com", "Lovelace, Ada")),
        (r'"The \"First\"" <ada@example.com>', Address("ada", "example.com", 'The "First"')),
        ("<ada@example.com>", Address("ada", "example.com")),
        ("用户@例子.广告", Address("用户", "xn--fsqu00a.xn--4rr70v")),
        ("x@münchen.de", Address("x", "xn--mnchen-3ya.de")),
        ("root@localhost", Address("root", "localhost")),
        ("a@sandbox.mailmatic.test", Address("a", "sandbox.mailmatic.test")),
    ],
)
def test_address_is_understood(text: str, expected: Address) -> None:
    assert parse_address(text) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("ada", "@-sign"),
        ("ada@", "after the @-sign"),
        ("@example.com", "before the @-sign"),
        ("a b@example.com", "SPACE"),
        ("ada@example", "period"),
        ("ada@1.2.3.4", "top-level domain"),
        ("ada@[127.0.0.1]", "bracketed"),
        ("ada@exa..mple.com", "two periods"),
        ("a" * 65 + "@example.com", "too long"),
        ("a" * 2000 + "@example.com", "too long"),
        ('"a b"@example.com', "Quoted local parts"),
        ("a@example.com,b@example.com", "array"),
        ("a@example.com; b@example.com", "array"),
        ("Lovelace, Ada <ada@example.com>", "double quotes"),
        ("a@example.com, Bob <b@example.com>", "double quotes"),
        ("ada@example.com\r\nBcc: eve@example.com", "invalid"),
        ("Ada\nBcc: eve <ada@example.com>", "double quotes"),
        ('"Ada\r\nX" <ada@example.com>', "line breaks"),
        ("Ada <ada@example.com> <eve@example.com>", "of the form|invalid|@"),
        ("ada@example.com>", "of the form"),
        ("ada@example.com\x00", "invalid"),
        ("x" * 300 + " <ada@example.com>", "at most 255"),
        ("ada@host.invalid", "special-use"),
    ],
)
def test_address_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(AddressError, match=reason):
        parse_address(text)


def test_addresses_compare_without_case_and_name() -> None:
    assert parse_address("Ada <Ada@Example.com>").key == parse_address("ada@example.COM").key


def test_domain_name_becomes_its_a_label() -> None:
    assert domain_name(" Bücher.Example. ") == "xn--bcher-kva.example"


@pytest.mark.parametrize("text", ["a/b", "exa mple.com", "", "a@b.com", "-a.com"])
def test_domain_name_is_refused_when_it_is_none(text: str) -> None:
    with pytest.raises(AddressError):
        domain_name(text)


@pytest.mark.parametrize("char", ["\r", "\n", "\0", "\x7f", "\x85", "\u2028", "\u2029", "\ud800"])
def test_control_characters_are_seen(char: str) -> None:
    assert has_controls(f"a{char}b")


def test_ordinary_unicode_is_not_taken_for_control_characters() -> None:
    assert not has_controls("Grüße, 你好 👩‍👩‍👧 café")
