"""Rows of several tables in one statement and one round trip, however many rows there are.

Five INSERTs cost an acceptance more in round trips and in building statements than in PostgreSQL.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Connection, Table, TextClause, text
from sqlalchemy.dialects import postgresql

from shared.arrays import array_literal

Row = dict[str, Any]

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


def insert_together(tx: Connection, rows: Sequence[tuple[Table, Sequence[Row]]]) -> None:
    """Inserts `rows`; the rows of one table all have the same keys, and each table at least one row.

    A table whose `info` says what to do `on_conflict` merges its rows with those there are.
    Foreign keys may point from one of these tables to another: they are checked when all are written.
    """
    statement = _statement(tuple((table, tuple(of_table[0])) for table, of_table in rows))
    tx.execute(
        statement,
        {
            _parameter(table, column): [_plain(table, column, row[column]) for row in of_table]
            for table, of_table in rows
            for column in of_table[0]
        },
    )


@cache
def _statement(shape: tuple[tuple[Table, tuple[str, ...]], ...]) -> TextClause:
    inserts = [_insert(table, columns) for table, columns in shape]
    others = ", ".join(f"step_{number} AS ({insert})" for number, insert in enumerate(inserts[:-1]))
    return text(f"WITH {others} {inserts[-1]}" if others else inserts[-1])


def _insert(table: Table, columns: tuple[str, ...]) -> str:
    names = ", ".join(columns)
    arrays = ", ".join(
        f"CAST(:{_parameter(table, name)} AS {_bound_type(table, name)}[])" for name in columns
    )
    values = ", ".join(f"CAST({name} AS {_type(table, name)})" for name in columns)
    # names come from our own tables, values are bound
    insert = f"INSERT INTO {table.name} ({names}) SELECT {values} FROM unnest({arrays}) AS new ({names})"  # noqa: S608
    merge = table.info.get("on_conflict")
    return f"{insert} ON CONFLICT {merge}" if merge else insert


def _parameter(table: Table, column: str) -> str:
    return f"{table.name}_{column}"


def _type(table: Table, column: str) -> str:
    return table.c[column].type.compile(_DIALECT)


def _bound_type(table: Table, column: str) -> str:
    """As what a column's values are bound; arrays as their literals, because `unnest` would flatten them."""
    return "text" if isinstance(table.c[column].type, ARRAY) else _type(table, column)


def _plain(table: Table, column: str, value: Any) -> Any:
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, list) and isinstance(table.c[column].type, ARRAY):
        return array_literal(value)
    if isinstance(value, list | dict):
        return json.dumps(value)
    return value
