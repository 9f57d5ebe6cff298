"""Resolvers and switches in settings."""

from __future__ import annotations

import pytest

from shared.resolvers import Resolvers
from shared.settings import Settings, SettingsError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        ("192.0.2.1", (("192.0.2.1", 53),)),
        ("192.0.2.1:5353", (("192.0.2.1", 5353),)),
        ("2001:db8::1", (("2001:db8::1", 53),)),
        ("[2001:db8::1]", (("2001:db8::1", 53),)),
        ("[2001:db8::1]:5353", (("2001:db8::1", 5353),)),
        (" 192.0.2.1 , 192.0.2.2:54,", (("192.0.2.1", 53), ("192.0.2.2", 54))),
    ],
)
def test_resolvers_are_addresses_with_ports(text: str, expected: tuple[tuple[str, int], ...]) -> None:
    assert Resolvers(text).all == expected
    assert Resolvers(str(Resolvers(text))).all == expected


@pytest.mark.parametrize(
    "text", ["dns.example.com", "192.0.2.1:", "192.0.2.1:0", "192.0.2.1:65536", "192.0.2", "[192.0.2.1"]
)
def test_anything_else_stops_the_process_and_names_the_variable(text: str) -> None:
    with pytest.raises(SettingsError, match="MAILMATIC_DNS_RESOLVERS"):
        Settings.from_env({"MAILMATIC_DNS_RESOLVERS": text})


def test_switch_is_on_or_off_and_nothing_else() -> None:
    assert Settings().mx_check is True
    assert Settings.from_env({"MAILMATIC_MX_CHECK": "Off"}).mx_check is False
    assert Settings.from_env({"MAILMATIC_MX_CHECK": "on"}).mx_check is True
    with pytest.raises(SettingsError, match="MAILMATIC_MX_CHECK='maybe' is not on or off"):
        Settings.from_env({"MAILMATIC_MX_CHECK": "maybe"})
