"""Idempotency keys as headers hold them, and what makes two requests the same."""

from __future__ import annotations

import pytest

from services.gateway.idempotency import fingerprint, parse_key
from shared.errors import ApiError


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], None),
        (["unique-request-id-12345"], "unique-request-id-12345"),
        (['"unique-request-id-12345"'], "unique-request-id-12345"),
        ([r'"a\"b\\c"'], r'a"b\c'),
        (['"a,b"'], "a,b"),
        ([" padded\t"], "padded"),
        (["same", '"same"'], "same"),
        (["x" * 256], "x" * 256),
    ],
)
def test_key_is_found_in_its_headers(values: list[str], expected: str | None) -> None:
    assert parse_key(values) == expected


@pytest.mark.parametrize(
    "values",
    [
        [""],
        ['""'],
        ["x" * 257],
        ["two words"],
        ['"two words"'],
        ["twice, twice"],
        ["twice,twice"],
        ['"one","two"'],
        ['"unfinished'],
        ["grüße"],
        ["one", "two"],
    ],
)
def test_key_is_refused_when_it_is_none_or_not_one(values: list[str]) -> None:
    with pytest.raises(ApiError) as caught:
        parse_key(values)
    assert (caught.value.status, caught.value.code) == (400, "invalid_idempotency_key")


def test_fingerprint_ignores_the_order_of_keys_and_nothing_else() -> None:
    one = fingerprint("/api/send", {"to": ["a@x.test"], "subject": "é"})
    assert len(one) == 32
    assert one == fingerprint("/api/send", {"subject": "é", "to": ["a@x.test"]})
    others = [
        fingerprint("/api/send", {"to": ["b@x.test"], "subject": "é"}),
        fingerprint("/api/send", {"to": "a@x.test", "subject": "é"}),
        fingerprint("/api/campaigns/1/send", {"to": ["a@x.test"], "subject": "é"}),
    ]
    assert one not in others
