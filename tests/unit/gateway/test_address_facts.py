"""Roles, throw-away providers, and what was probably meant."""

from __future__ import annotations

import pytest

from services.gateway.address_facts import PROVIDERS, is_disposable, is_role, suggestion


@pytest.mark.parametrize(
    ("domain", "meant"),
    [
        ("gmial.com", "gmail.com"),
        ("gmai.com", "gmail.com"),
        ("gamil.com", "gmail.com"),
        ("gnail.com", "gmail.com"),
        ("gmaill.com", "gmail.com"),
        ("gmail.con", "gmail.com"),
        ("gmail.co", "gmail.com"),
        ("GMAIL.CMO", "gmail.com"),
        ("hotmial.com", "hotmail.com"),
        ("hotmail.om", "hotmail.com"),
        ("yaho.com", "yahoo.com"),
        ("yhaoo.com", "yahoo.com"),
        ("outlok.com", "outlook.com"),
        ("iclod.com", "icloud.com"),
        ("protonmial.com", "protonmail.com"),
        ("tonline.de", "t-online.de"),
        ("firm.example.con", "firm.example.com"),
        ("firm.nte", "firm.net"),
        ("gmailcom", "gmail.com"),
        ("gmail,com", "gmail.com"),
    ],
)
def test_slip_of_a_finger_is_mended(domain: str, meant: str) -> None:
    assert suggestion(f"ada+x@{domain}") == f"ada+x@{meant}"


@pytest.mark.parametrize(
    "domain",
    [
        *PROVIDERS,
        *(
            "example.com",
            "mail.com",
            "ymail.com",
            "email.com",
            "fastmail.fm",
            "gmx.at",
            "yahoo.de",
            "hotmail.it",
        ),
        *("live.nl", "outlook.fr", "yandex.com", "example.co", "comcast.com", "xn--bcher-kva.example"),
    ],
)
def test_domain_in_its_own_right_is_left_alone(domain: str) -> None:
    assert suggestion(f"ada@{domain}") is None


@pytest.mark.parametrize(
    "text", ["", "@", "gmial.com", "@gmial.com", "ada@", "ada@.", "ada@@gmial.com", "a b@gmial.com"]
)
def test_nothing_is_suggested_for_what_would_be_no_address(text: str) -> None:
    assert suggestion(text) is None


@pytest.mark.parametrize("local", ["info", "Sales", "NO-REPLY", "support+de", "postmaster"])
def test_local_part_of_a_function_is_a_role(local: str) -> None:
    assert is_role(local)


@pytest.mark.parametrize("local", ["ada", "infos", "sales.team.ada", "+info"])
def test_local_part_of_a_person_is_none(local: str) -> None:
    assert not is_role(local)


def test_throw_away_domains_are_known_with_all_below_them() -> None:
    assert is_disposable("mailinator.com")
    assert is_disposable("deep.below.mailinator.com")
    assert not is_disposable("notmailinator.example")
    assert not is_disposable("com")
