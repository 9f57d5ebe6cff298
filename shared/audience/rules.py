"""Segment rules: JSON → a checked tree, or every fault with its JSON pointer. Pure.

A rule is a test `{"field", "operator", "value"}`, or `{"all": [rules]}`, `{"any": [rules]}`,
`{"not": [rules]}` (none of them; a single rule does as well).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from shared.audience.fields import FIELDS, METADATA, NEGATED, OPERATORS, kind_of
from shared.clock import parse_moment
from shared.errors import FieldError
from shared.models.suppressions import SUPPRESSION_REASONS

GROUPS = ("all", "any", "not")

MAX_DEPTH = 8
MAX_TESTS = 100
MAX_VALUES = 1_000
MAX_TEXT = 1_000
_MAX_FIELD = 200
_MAX_DAYS = 36_500
#: Largest whole number that JSON carries exactly (RFC 7493 §2.2), and most that a number is compared with.
_MAX_NUMBER = 2**53


@dataclass(frozen=True)
class Test:
    """One question about a contact. `value` is what its operator needs: text, number, bool, UUID, a time
    (aware), days, a tuple of the former, or None for `exists`."""

    __test__ = False  # no test of pytest's

    field: str
    operator: str
    value: Any = None


@dataclass(frozen=True)
class Group:
    """`all` of its rules, `any` of them, or none (`not`)."""

    kind: str
    rules: tuple[Rule, ...]


Rule = Test | Group


class RulesError(ValueError):
    """Not rules; `errors` says where and why."""

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__("; ".join(f"{item.pointer}: {item.detail}" for item in errors))
        self.errors = errors


class _Fault(ValueError):
    """What is wrong with a value; the text is for a person."""


def parse_rules(raw: Any) -> Rule:
    """The rules that the JSON value `raw` is.

    Raises:
        RulesError: with every fault, by its pointer into `raw`.
    """
    reader = _Reader()
    rule = reader.rule(raw, "", 1)
    if reader.tests > MAX_TESTS:
        reader.fault("", f"At most {MAX_TESTS} tests.")
    if reader.errors or rule is None:
        raise RulesError(reader.errors)
    return rule


class _Reader:
    def __init__(self) -> None:
        self.errors: list[FieldError] = []
        self.tests = 0

    def fault(self, at: str, detail: str) -> Rule | None:
        """Notes a fault; what is there is no rule."""
        self.errors.append(FieldError(at, detail))
        return None

    def rule(self, raw: Any, at: str, depth: int) -> Rule | None:
        if not isinstance(raw, Mapping):
            return self.fault(at, "Must be an object.")
        if depth > MAX_DEPTH:
            return self.fault(at, f"Nested more than {MAX_DEPTH} deep.")
        groups = [kind for kind in GROUPS if kind in raw]
        if not groups:
            return self._test(raw, at)
        if len(raw) > 1:
            return self.fault(at, f"Besides {groups[0]} an object of rules has nothing else.")
        return self._group(groups[0], raw[groups[0]], f"{at}/{groups[0]}", depth)

    def _group(self, kind: str, raw: Any, at: str, depth: int) -> Rule | None:
        if kind == "not" and isinstance(raw, Mapping):
            inner = self.rule(raw, at, depth + 1)
            return Group(kind, (inner,)) if inner else None
        if not isinstance(raw, list) or not raw:
            return self.fault(at, "Must be an array of one rule at least.")
        if len(raw) > MAX_TESTS:
            return self.fault(at, f"At most {MAX_TESTS} rules.")
        found = [self.rule(item, f"{at}/{index}", depth + 1) for index, item in enumerate(raw)]
        return Group(kind, tuple(item for item in found if item))

    def _test(self, raw: Mapping[str, Any], at: str) -> Rule | None:
        self.tests += 1
        unknown = [key for key in raw if key not in ("field", "operator", "value")]
        if unknown:
            return self.fault(at, "A rule is field, operator and value, or one of all, any, not.")
        field, operator = raw.get("field"), raw.get("operator")
        kind = kind_of(field) if isinstance(field, str) and len(field) <= _MAX_FIELD else None
        if kind is None:
            return self.fault(f"{at}/field", f"Must be one of {', '.join(FIELDS)}, {METADATA}<key>.")
        if operator not in OPERATORS[kind]:
            return self.fault(f"{at}/operator", f"{field} takes {', '.join(OPERATORS[kind])}.")
        return self._with_value(raw, at, kind)

    def _with_value(self, raw: Mapping[str, Any], at: str, kind: str) -> Rule | None:
        field, operator = raw["field"], raw["operator"]
        positive = NEGATED.get(operator, operator)
        if positive == "exists":
            if raw.get("value", True) is not True:
                return self.fault(f"{at}/value", f"{operator} takes no value.")
            return Test(field, operator)
        if "value" not in raw:
            return self.fault(f"{at}/value", "Is missing.")
        value, read = raw["value"], _reader_of(kind, positive)
        if positive != "in":
            return self._single(field, operator, value, at, read)
        if not isinstance(value, list) or not 1 <= len(value) <= MAX_VALUES:
            return self.fault(f"{at}/value", f"Must be an array of 1 to {MAX_VALUES} values.")
        found = []
        for index, item in enumerate(value):
            try:
                found.append(read(item))
            except _Fault as error:
                self.fault(f"{at}/value/{index}", str(error))
        return Test(field, operator, tuple(found))

    def _single(
        self, field: str, operator: str, value: Any, at: str, read: Callable[[Any], Any]
    ) -> Rule | None:
        try:
            return Test(field, operator, read(value))
        except _Fault as error:
            return self.fault(f"{at}/value", str(error))


def _reader_of(kind: str, operator: str) -> Callable[[Any], Any]:
    if operator in ("before", "after"):
        return _moment
    if operator == "within_days":
        return _days
    if operator in ("gt", "gte", "lt", "lte"):
        return _number
    if kind == "metadata" and operator in ("equals", "in"):
        return _scalar
    return {"reason": _reason, "list": _id, "campaign": _id}.get(kind, _text)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise _Fault("Must be a text of one character at least.")
    if len(value) > MAX_TEXT:
        raise _Fault(f"At most {MAX_TEXT} characters.")
    return value


def _number(value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > _MAX_NUMBER:
        raise _Fault("Must be a number up to 2^53.")
    return value


def _scalar(value: Any) -> str | int | float | bool:
    if isinstance(value, bool):
        return value
    return _number(value) if isinstance(value, int | float) else _text(value)


def _days(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _MAX_DAYS:
        raise _Fault(f"Must be a whole number of days from 1 to {_MAX_DAYS}.")
    return value


def _moment(value: Any) -> datetime:
    if not isinstance(value, str):
        raise _Fault("Must be a date or time in ISO 8601, like 2026-06-01.")
    try:
        if len(value) == len("2026-06-01"):
            return datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=UTC)
        return parse_moment(value)
    except ValueError:
        raise _Fault("Must be a date or time in ISO 8601, like 2026-06-01.") from None


def _id(value: Any) -> UUID:
    try:
        return UUID(_text(value))
    except ValueError:
        raise _Fault("Must be an id (a UUID).") from None


def _reason(value: Any) -> str:
    if value not in SUPPRESSION_REASONS:
        raise _Fault(f"Must be one of {', '.join(SUPPRESSION_REASONS)}.")
    return str(value)
