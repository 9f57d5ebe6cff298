"""Statements that are said many times a second: PostgreSQL reads and plans each once a connection.

To plan a join with five partitions takes as long as to look up fifty rows by it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, CursorResult, text

_PARAMETER = re.compile(r"(?<!:):(\w+)")


class Prepared:
    """One statement (PostgreSQL manual, PREPARE).

    Its plan is made without a look at the values, under the settings that its first transaction on each
    connection has: for what looks rows up by their keys (`shared.db.by_key`).
    """

    def __init__(self, name: str, statement: str, **types: str) -> None:
        """`statement` names its parameters `:so`; `types` are theirs, as SQL says them."""
        self._name = f"mailmatic_{name}"
        numbers = {parameter: number for number, parameter in enumerate(types, 1)}
        numbered = _PARAMETER.sub(lambda found: f"${numbers[found[1]]}", statement)
        self._prepare = f"PREPARE {self._name} ({', '.join(types.values())}) AS {numbered}"
        typed = ", ".join(f"CAST(:{parameter} AS {kind})" for parameter, kind in types.items())
        self._execute = text(f"EXECUTE {self._name} ({typed})")

    def execute(self, tx: Connection, values: Mapping[str, Any]) -> CursorResult[Any]:
        """The statement's result with `values` for its parameters."""
        known: set[str] = tx.connection.info.setdefault("prepared", set())
        if self._name not in known:
            tx.exec_driver_sql(self._prepare)  # outlives a rollback
            known.add(self._name)
        return tx.execute(self._execute, values)
