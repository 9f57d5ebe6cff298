"""JSON that Python's parser would let through, and we do not."""

from __future__ import annotations

import pytest

from shared import strict_json
from shared.errors import FieldError


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "Expecting value"),
        (b"{", "Expecting property name"),
        (b'{"a": 1, "a": 2}', "'a' occurs twice"),
        (b'{"a": NaN}', "NaN is not JSON"),
        (b"-Infinity", "Infinity is not JSON"),
        (b"1e999", "range of a double"),
        (b"9" * 5000, "too long"),
        (b"[" * 100_000, "nested too deeply"),
        (b'"\xe9"', "not UTF-8"),
        ('{"a": "b"}'.encode("utf-16"), "not UTF-8"),
        (b'"raw \x00"', "Invalid control character"),
    ],
)
def test_json_is_refused_with_its_reason(raw: bytes, reason: str) -> None:
    with pytest.raises(strict_json.JsonError, match=reason):
        strict_json.loads(raw)


def test_byte_order_mark_is_forgiven() -> None:
    assert strict_json.loads(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}


@pytest.mark.parametrize(
    ("raw", "pointer"),
    [
        (rb'{"subject": "a\u0000b"}', "/subject"),
        (rb'{"to": ["ok", "\uD800"]}', "/to/1"),
        (rb'{"a": {"b/c~d": "\udfff"}}', "/a/b~1c~0d"),
        (rb'{"a": {"\u0000": 1}}', "/a"),
    ],
)
def test_text_that_cannot_be_stored_is_found(raw: bytes, pointer: str) -> None:
    (fault,) = strict_json.unstorable(raw, strict_json.loads(raw))
    assert fault.pointer == pointer


@pytest.mark.parametrize(
    "raw", [rb'"\ud83d\ude00"', rb'"\\u0000"', '"😀"'.encode(), rb'{"a": [1, null, true]}']
)
def test_ordinary_text_is_left_alone(raw: bytes) -> None:
    assert strict_json.unstorable(raw, strict_json.loads(raw)) == list[FieldError]()
