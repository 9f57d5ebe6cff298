"""Long lists as parameters of statements: each one array literal, for the server to read in one go.

The driver's own way, `ARRAY['…','…']`, is an expression with a node for each element, which both sides spend
several times as long on as on what the statement does with it. A literal takes its type from where it stands:
say `CAST(:ids AS uuid[])` where nothing else does.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg2.extensions import ISQLQuote, QuotedString, adapters, register_adapter

#: Shorter lists are said the driver's way, which is in C: only what comes by the hundred gains by ours.
_MANY = 10
#: What PostgreSQL reads as Python says it.
_BARE = {bool, int, float, Decimal, UUID}


def array_literal(values: Sequence[Any]) -> str:
    """`values` as PostgreSQL reads an array (manual, §8.15.2): `{"a","b",NULL}`; None is NULL.

    Raises:
        TypeError: an element that is neither text, number, truth value, UUID, moment, bytes, list nor None.
    """
    kinds = set(map(type, values))
    if kinds == {str}:  # as nearly all are
        joined = '","'.join(values)
        if "\\" not in joined and joined.count('"') == 2 * (len(values) - 1):
            return f'{{"{joined}"}}'
    if kinds <= _BARE:
        return f"{{{','.join(map(str, values))}}}"
    return f"{{{','.join(map(_element, values))}}}"


def _element(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    if isinstance(value, list):
        return array_literal(value)
    if type(value) in _BARE:
        return str(value)
    if isinstance(value, datetime | date):
        return f'"{value}"'
    if isinstance(value, bytes):
        return f'"\\\\x{value.hex()}"'
    raise TypeError(f"no element of an array: {type(value).__name__}")


class _Literal:
    """The driver's protocol for what it sends (PEP 246)."""

    def __init__(self, values: list[Any]) -> None:
        self._quoted = QuotedString(array_literal(values))

    def __conform__(self, protocol: type) -> _Literal | None:
        return self if protocol is ISQLQuote else None

    def prepare(self, connection: Any) -> None:
        """Takes over the connection's encoding."""
        self._quoted.prepare(connection)

    def getquoted(self) -> bytes:
        """What stands in the statement."""
        return bytes(self._quoted.getquoted())


_drivers_own = adapters[list, ISQLQuote]


def _adapted(values: list[Any]) -> Any:
    return _Literal(values) if len(values) >= _MANY else _drivers_own(values)


def send_lists_as_literals() -> None:
    """From now on, in this process."""
    register_adapter(list, _adapted)
