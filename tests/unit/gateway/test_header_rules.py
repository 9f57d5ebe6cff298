"""Headers that a caller may add, and those they may not."""

from __future__ import annotations

import pytest

from services.gateway.header_rules import name_fault, value_fault


@pytest.mark.parametrize("name", ["X-Order", "References", "In-Reply-To", "List-Unsubscribe", "X" * 76])
def test_name_is_accepted(name: str) -> None:
    assert name_fault(name) is None


@pytest.mark.parametrize(
    "name",
    ["", " ", "X Y", "X:", "X\r\nBcc", "X\n", "X-Ü", "X" * 77, "X\0", "X\x7f"],
)
def test_name_is_refused_when_it_is_no_field_name(name: str) -> None:
    assert "1 to 76" in str(name_fault(name))


@pytest.mark.parametrize(
    "name",
    [
        "From",
        "bCC",
        "Reply-To",
        "DATE",
        "Message-Id",
        "Return-Path",
        "Received",
        "MIME-Version",
        "Content-Type",
        "content-transfer-encoding",
        "DKIM-Signature",
        "ARC-Seal",
        "Authentication-Results",
        "Resent-To",
        "Envelope-To",
        "X-Mailmatic-Id",
        "Feedback-ID",
    ],
)
def test_name_is_refused_when_the_platform_sets_it(name: str) -> None:
    assert name in str(name_fault(name))


def test_refusal_says_which_field_to_use_instead() -> None:
    assert "`reply_to`" in str(name_fault("Reply-To"))


@pytest.mark.parametrize("value", ["", "plain", "tab\tinside", "ümläut", "x" * 998])
def test_value_is_accepted(value: str) -> None:
    assert value_fault(value) is None


@pytest.mark.parametrize(
    "value", [1, None, ["a"], "a\r\nBcc: b@c.d", "a\n b", "a\rb", "a\0", "x" * 999, "ü" * 500]
)
def test_value_is_refused(value: object) -> None:
    assert value_fault(value) is not None
