"""One email to send: what becomes an intent, and which pointer says what is wrong."""

from __future__ import annotations

from typing import Any

import pytest
from marshmallow import ValidationError

from services.gateway.intents import Intent
from services.gateway.schemas.send import SendSchema
from shared.addresses import Address
from shared.errors import ApiError
from shared.pointers import MAX_FAULTS, faults

MINIMAL = {"from": "hello@example.com", "to": "ada@example.net", "subject": "Hello", "text": "Hi"}


def load(**changes: Any) -> Intent:
    """The intent of a minimal email with `changes`; `...` leaves a field out."""
    merged = {**MINIMAL, **changes}
    intent: Intent = SendSchema().load({key: value for key, value in merged.items() if value is not ...})
    return intent


def pointers(**changes: Any) -> set[str]:
    """Where a minimal email with `changes` is at fault."""
    with pytest.raises(ValidationError) as caught:
        load(**changes)
    return {fault.pointer for fault in faults(caught.value.messages)}


def test_minimal_email_is_an_intent() -> None:
    intent = load()
    assert intent.sender == Address("hello", "example.com")
    assert [item.address.email for item in intent.recipients] == ["ada@example.net"]
    assert (intent.html, intent.text, intent.reply_to, intent.headers) == (None, "Hi", (), ())


def test_recipients_keep_their_order_and_kind() -> None:
    intent = load(to=["a@x.test", "b@x.test"], cc="c@x.test", bcc=["d@x.test"])
    assert [(item.kind, item.address.local) for item in intent.recipients] == [
        ("to", "a"),
        ("to", "b"),
        ("cc", "c"),
        ("bcc", "d"),
    ]


def test_recipient_that_occurs_again_is_kept_once() -> None:
    intent = load(to=["a@x.test", "A <a@X.TEST>"], cc="a@x.test", bcc="A@x.test")
    # a local part may be case-sensitive, a domain is not
    assert [item.address.email for item in intent.recipients] == ["a@x.test", "A@x.test"]


def test_from_name_wins_over_the_name_in_from() -> None:
    assert load(**{"from": "Old <hello@example.com>"}, from_name="Grüße").sender.name == "Grüße"
    assert load(**{"from": "Old <hello@example.com>"}).sender.name == "Old"


def test_optional_fields_may_be_null() -> None:
    nothing = dict.fromkeys(("html", "from_name", "cc", "bcc", "reply_to", "headers"))
    assert load(**nothing) == load()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"to": ...}, {"/to"}),
        ({"to": []}, {"/to"}),
        ({"to": ["ok@x.test", "bad", 7]}, {"/to/1", "/to/2"}),
        ({"to": {"email": "a@x.test"}}, {"/to"}),
        ({"cc": "bad", "bcc": ["bad"]}, {"/cc", "/bcc/0"}),
        ({"from": "bad", "subject": ""}, {"/from", "/subject"}),
        ({"subject": "a\r\nBcc: b@c.d"}, {"/subject"}),
        ({"subject": "x" * 999}, {"/subject"}),
        ({"subject": 5}, {"/subject"}),
        ({"text": ...}, {"/html"}),
        ({"text": "", "html": ""}, {"/html"}),
        ({"from_name": "a\nb"}, {"/from_name"}),
        ({"reply_to": "ü@x.test"}, {"/reply_to"}),
        ({"headers": {"X-A": "ok", "Bcc": "x", "X/B~": 1}}, {"/headers/Bcc", "/headers/X~1B~0"}),
        ({"headers": {"X-A": "1", "x-a": "2"}}, {"/headers/x-a"}),
        ({"headers": [["X-A", "1"]]}, {"/headers"}),
        ({"headers": {f"X-{n}": "1" for n in range(51)}}, {"/headers"}),
        ({"reply_too": "a@x.test"}, {"/reply_too"}),
        ({"to": [f"u{n}@x.test" for n in range(51)]}, {"/to"}),
        ({"cc": [f"u{n}@x.test" for n in range(30)], "bcc": [f"v{n}@x.test" for n in range(20)]}, {"/to"}),
    ],
)
def test_fault_is_pointed_at(changes: dict[str, Any], expected: set[str]) -> None:
    assert pointers(**changes) == expected


def test_body_too_large_is_413() -> None:
    with pytest.raises(ApiError) as caught:
        load(html="é" * (3 * 1024 * 1024))
    assert (caught.value.status, caught.value.code) == (413, "payload_too_large")
    assert [fault.pointer for fault in caught.value.errors] == ["/html"]


def test_answer_does_not_grow_with_a_hostile_request() -> None:
    found = faults({"k" * 10_000 + str(number): ["Unknown field."] for number in range(1000)})
    assert len(found) == MAX_FAULTS
    assert all(len(fault.pointer) < 400 for fault in found)
