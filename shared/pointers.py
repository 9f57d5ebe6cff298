"""marshmallow's nested messages → a flat list of faults, each with its JSON pointer."""

from __future__ import annotations

from typing import Any

from shared.errors import FieldError
from shared.strict_json import pointer

#: Most faults one answer lists, and longest pointer: an answer must not grow with a hostile request.
MAX_FAULTS = 50
MAX_POINTER = 300


def faults(messages: Any) -> list[FieldError]:
    """`{"to": {0: ["…"]}}` → `[FieldError("/to/0", "…")]`, at most `MAX_FAULTS`."""
    found: list[FieldError] = []
    _collect(messages, "", found)
    return found[:MAX_FAULTS]


def _collect(messages: Any, at: str, found: list[FieldError]) -> None:
    if isinstance(messages, dict):
        for step, inner in messages.items():
            # marshmallow files what concerns the whole object under "_schema"
            _collect(inner, at if step == "_schema" else pointer(at, step), found)
    elif isinstance(messages, list):
        for inner in messages:
            _collect(inner, at, found)
    else:
        found.append(FieldError(at if len(at) <= MAX_POINTER else at[:MAX_POINTER] + "…", str(messages)))
