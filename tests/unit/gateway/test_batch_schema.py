"""The emails of a batch, each judged on its own."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from services.gateway.intents import Intent
from services.gateway.principal import Principal
from services.gateway.schemas.batch import judge_each
from services.gateway.scopes import ALL
from shared.errors import ApiError

DOMAINS = {"example.com": True}
APP = Principal(UUID(int=1), ALL, DOMAINS, UUID(int=2), "example.com", "news", "Ada's App")
PERSON = Principal(UUID(int=1), ALL, DOMAINS, user_id=UUID(int=3))


def judged(principal: Principal, **fields: Any) -> Intent | ApiError:
    """What becomes of one email."""
    (found,) = judge_each([{"to": "grace@example.net", "subject": "Hi", "text": "Hi", **fields}], principal)
    return found


def sender(principal: Principal, **fields: Any) -> tuple[str, str | None]:
    """Whose it is, in the end."""
    found = judged(principal, **fields)
    assert isinstance(found, Intent)
    return found.sender.email, found.sender.name


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ("news@example.com", "Ada's App")),
        ({"from": None}, ("news@example.com", "Ada's App")),
        ({"from_name": "Grace"}, ("news@example.com", "Grace")),
        ({"from": "me@example.com"}, ("me@example.com", None)),
        ({"from": "Me <me@example.com>"}, ("me@example.com", "Me")),
    ],
)
def test_sender_is_the_credentials_own_when_none_is_named(
    fields: dict[str, Any], expected: tuple[str, str | None]
) -> None:
    assert sender(APP, **fields) == expected


def test_person_must_name_the_sender() -> None:
    found = judged(PERSON)
    assert isinstance(found, ApiError)
    assert (found.code, [fault.pointer for fault in found.errors]) == ("validation_error", ["/from"])
    assert sender(PERSON, **{"from": "me@example.com"}) == ("me@example.com", None)


def test_email_that_fails_does_not_hold_up_the_others_and_names_few_of_its_faults() -> None:
    good = {"to": "grace@example.net", "subject": "Hi", "text": "Hi"}
    bad = {**good, "to": ["nobody"] * 40}
    first, second, third = judge_each([good, bad, good], APP)
    assert isinstance(first, Intent)
    assert isinstance(third, Intent)
    assert isinstance(second, ApiError)
    assert [fault.pointer for fault in second.errors] == [f"/to/{index}" for index in range(10)]
