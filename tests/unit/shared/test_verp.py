"""Return-path addresses say which email a bounce is about, and can't be made up."""

from __future__ import annotations

import pytest

from shared.addresses import parse_address
from shared.ids import new_id
from shared.verp import Origin, ReturnPaths

PATHS, EMAIL = ReturnPaths(["one"]), new_id()


@pytest.mark.parametrize(
    ("positions", "position"), [([0], 0), ([49], 49), ([254], 254), ([255], None), ([0, 1], None), ([], None)]
)
def test_email_and_recipient_come_back(positions: list[int], position: int | None) -> None:
    address = PATHS.address("example.com", EMAIL, positions)
    assert PATHS.origin(address) == Origin(EMAIL, position)
    assert parse_address(address).domain == "bounces.example.com"
    assert len(address.partition("@")[0]) <= 64


def test_server_may_change_the_case() -> None:
    assert PATHS.origin(PATHS.address("example.com", EMAIL, [3]).upper()) == Origin(EMAIL, 3)


def test_address_stays_good_when_master_keys_rotate() -> None:
    address = PATHS.address("example.com", EMAIL, [3])
    assert ReturnPaths(["two", "one"]).origin(address) == Origin(EMAIL, 3)
    assert ReturnPaths(["two"]).origin(address) is None


def test_every_changed_character_is_noticed() -> None:
    local, _, domain = PATHS.address("example.com", EMAIL, [3]).partition("@")
    for at in range(len("bounces+"), len(local) - 1):
        for other in "a7":
            if local[at] != other:
                assert PATHS.origin(f"{local[:at]}{other}{local[at + 1 :]}@{domain}") is None


@pytest.mark.parametrize(
    "address", ["", "@", "bounces@x", "bounces+@x", "bounces+é@x", "ada+aaaa@x", "bounces+aaaa@x"]
)
def test_what_is_none_of_ours_is_nothing(address: str) -> None:
    assert PATHS.origin(address) is None
