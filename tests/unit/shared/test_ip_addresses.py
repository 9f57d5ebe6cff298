"""Addresses as settings list them."""

from __future__ import annotations

import pytest

from shared.ip_addresses import IpAddresses, Keep
from shared.settings import Settings, SettingsError


def test_addresses_are_read_in_their_order_and_usual_form() -> None:
    read = IpAddresses(" 198.51.100.25, 2001:DB8:0::25 ,")
    assert read.all == ("198.51.100.25", "2001:db8::25")
    assert IpAddresses(str(read)).all == read.all


@pytest.mark.parametrize("text", ["mail.example.com", "198.51.100.0/24", "198.51.100.256"])
def test_process_does_not_start_when_a_sending_address_is_none(text: str) -> None:
    with pytest.raises(SettingsError, match="MAILMATIC_SENDING_IPS"):
        Settings.from_env({"MAILMATIC_SENDING_IPS": text})


@pytest.mark.parametrize(
    ("keep", "address", "kept"),
    [
        ("truncated", "198.51.100.25", "198.51.100.0"),
        ("truncated", "2001:db8:1:2::25", "2001:db8:1::"),
        ("full", "198.51.100.25", "198.51.100.25"),
        ("full", "2001:DB8:0:0::25", "2001:db8::25"),
        ("off", "198.51.100.25", None),
        ("full", "no address", None),
        ("truncated", "", None),
    ],
)
def test_of_a_readers_address_no_more_is_kept_than_is_wanted(
    keep: str, address: str, kept: str | None
) -> None:
    assert Keep(keep).of(address) == kept


def test_what_to_keep_is_one_of_three() -> None:
    with pytest.raises(ValueError, match="some"):
        Keep("some")
