"""Rows of several tables in one statement and one round trip, however many rows there are.

Five INSERTs cost an acceptance more in round trips and in building statements than in PostgreSQL.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Table, TextClause, text
from sqlalchemy.dialects import postgresql

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
            _parameter(table, column): [_plain(row[column]) for row in of_table]
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
    arrays = ", ".join(
        f"CAST(:{_parameter(table, name)} AS {table.c[name].type.compile(_DIALECT)}[])" for name in columns
    )
    # names come from our own tables, values are bound
    insert = f"INSERT INTO {table.name} ({', '.join(columns)}) SELECT * FROM unnest({arrays})"  # noqa: S608
    merge = table.info.get("on_conflict")
    return f"{insert} ON CONFLICT {merge}" if merge else insert


def _parameter(table: Table, column: str) -> str:
    return f"{table.name}_{column}"


def _plain(value: Any) -> Any:
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, list | dict):
        return json.dumps(value)
    return value
