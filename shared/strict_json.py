"""JSON as RFC 8259 and I-JSON (RFC 7493) have it: UTF-8, unique keys, finite numbers, real characters.

Refuses what Python's parser would let through: duplicate keys, NaN and Infinity, numbers beyond a double,
nesting without end, lone surrogates; and U+0000, which JSON allows and PostgreSQL can't store.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

from shared.errors import FieldError

#: An escape for a control character NUL or a surrogate; without one, decoded UTF-8 can hold neither.
_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")


class JsonError(ValueError):
    """Not JSON we accept; the message says why, for a person."""


def loads(raw: bytes) -> Any:
    """The value of the JSON text `raw`.

    Raises:
        JsonError: it is not acceptable JSON.
    """
    try:
        return json.loads(
            raw.decode("utf-8-sig"),
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_float=_finite,
        )
    except UnicodeDecodeError:
        raise JsonError("The body is not UTF-8.") from None
    except RecursionError:
        raise JsonError("The body is nested too deeply.") from None
    except JsonError:
        raise
    except json.JSONDecodeError as error:
        raise JsonError(f"{error.msg} (line {error.lineno}, column {error.colno}).") from None
    except ValueError:  # CPython's limit on the digits of an integer
        raise JsonError("The body holds a number that is too long.") from None


def unstorable(raw: bytes, value: Any) -> list[FieldError]:
    """Where `value`, parsed from `raw`, holds characters that no text can: lone surrogates and U+0000."""
    if not _SUSPECT.search(raw):
        return []
    found: list[FieldError] = []
    _walk(value, "", found)
    return found


def pointer(parent: str, step: object) -> str:
    """The JSON pointer (RFC 6901) to `step` of what `parent` points to."""
    return f"{parent}/{str(step).replace('~', '~0').replace('/', '~1')}"


def _walk(value: Any, at: str, found: list[FieldError]) -> None:
    if isinstance(value, str):
        if not _storable(value):
            found.append(FieldError(at, "Holds U+0000 or half of a surrogate pair."))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _walk(item, pointer(at, index), found)
    elif isinstance(value, dict):
        for key, item in value.items():
            if _storable(key):
                _walk(item, pointer(at, key), found)
            else:
                found.append(FieldError(at, "A key holds U+0000 or half of a surrogate pair."))


def _storable(text: str) -> bool:
    if "\x00" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise JsonError(f"The key {ascii(twice)[:80]} occurs twice in one object.")
    return found


def _no_constant(name: str) -> None:
    raise JsonError(f"{name} is not JSON.")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise JsonError("The body holds a number beyond the range of a double.")
    return number
