"""The database: one engine a process, and `transaction()`, the only place that commits.

Refuses to hide trouble: a database that can't be reached raises `DatabaseUnavailable`, which the gateway
answers with 503 and a worker with a retry.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import psycopg2
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import DBAPIError, DisconnectionError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import ConnectionPoolEntry

from shared.arrays import send_lists_as_literals
from shared.settings import settings

#: A connection used this recently (seconds) is taken to live.
_TRUSTED_SECONDS = 1.0
#: Rows that are named by their keys are looked up by them, one after the other.
_BY_KEY = text(
    """
    SELECT set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
        set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),
        set_config('enable_material', 'off', true),
        set_config('plan_cache_mode', 'force_generic_plan', true)
    """
)
#: What COPY hands to the driver at a time.
_COPY_BYTES = 256 * 1024


class DatabaseUnavailable(Exception):
    """PostgreSQL can't be reached, or did not answer in time."""


def database_url() -> URL:
    """The configured URL with our driver; `postgres://` and `postgresql://` both do."""
    return make_url(settings().database_url.replace("postgres://", "postgresql://", 1)).set(
        drivername="postgresql+psycopg2"
    )


@cache
def engine() -> Engine:
    """This process's engine, made at first use (so after a fork)."""
    config = settings()
    send_lists_as_literals()
    made = create_engine(
        database_url(),
        pool_size=config.db_pool_size,
        max_overflow=config.db_pool_size,
        pool_timeout=5,
        executemany_mode="values_only",
        connect_args={
            "connect_timeout": 3,
            "client_encoding": "utf8",  # whatever a given server's default is
            "application_name": f"mailmatic-{config.process}",
            # none of our statements lasts so long that compiling it could pay; and what is read out of order
            # is in memory or on a disk without arms, and mostly of one time and so of neighbouring pages
            "options": "-c timezone=UTC -c jit=off -c random_page_cost=1.1 -c statement_timeout=30s "
            "-c idle_in_transaction_session_timeout=60s",
        },
    )
    event.listen(made, "checkin", _note_use)
    event.listen(made, "checkout", _ping_when_idle)
    return made


def _note_use(_: Any, record: ConnectionPoolEntry) -> None:
    record.info["used_at"] = time.monotonic()


def _ping_when_idle(connection: Any, record: ConnectionPoolEntry, _: Any) -> None:
    """Makes sure that a connection which lay idle still lives; one in steady use pays no round trip."""
    if time.monotonic() - record.info.get("used_at", time.monotonic()) < _TRUSTED_SECONDS:
        return
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        connection.rollback()
    except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
        raise DisconnectionError from error  # the pool opens another and asks again


def by_key(tx: Connection) -> None:
    """Has the rest of `tx` look rows up by their keys, however few others the planner believes there to be,
    and prepared statements (`shared.prepared`) keep the plan that they have.

    A table that is filled and worked off within seconds has no statistics that hold: for a hundred emails all
    that are queued would be read.
    """
    tx.execute(_BY_KEY)


class _Blocks:
    """Blocks of bytes as a file that the driver reads from; none is copied whole."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self._blocks = iter(blocks)
        self._left = memoryview(b"")

    def read(self, size: int) -> bytes:
        while not self._left:
            block = next(self._blocks, None)
            if block is None:
                return b""
            self._left = memoryview(block)
        part, self._left = self._left[:size], self._left[size:]
        return bytes(part)


def copy_in(tx: Connection, statement: str, blocks: Iterable[bytes]) -> None:
    """Runs the `COPY … FROM STDIN` that `statement` is with the bytes of `blocks`, in the transaction `tx`.

    Raises:
        DatabaseUnavailable: the connection was lost.
    """
    raw: Any = tx.connection.driver_connection
    try:
        with raw.cursor() as cursor:
            cursor.copy_expert(statement, _Blocks(blocks), _COPY_BYTES)
    except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
        tx.invalidate(error)
        raise DatabaseUnavailable(str(error).strip() or "connection lost") from error


@contextmanager
def transaction() -> Iterator[Connection]:
    """One transaction: commits when the block ends, rolls back when it raises.

    Raises:
        DatabaseUnavailable: no connection, or it was lost on the way. Nothing was committed, unless the
            connection died during the commit itself, when nobody can tell: repeat only what is idempotent.
    """
    with _plainly(), engine().begin() as connection:
        yield connection


@contextmanager
def looking() -> Iterator[Connection]:
    """A connection to look with, often and for long: each statement is one round trip, and no transaction.

    Raises:
        DatabaseUnavailable: no connection, or it was lost on the way.
    """
    with _plainly(), engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        yield connection


@contextmanager
def _plainly() -> Iterator[None]:
    """Says of all ways in which the database can be away that it is."""
    try:
        yield
    except PoolTimeout as error:
        raise DatabaseUnavailable("all database connections are in use") from error
    except (OperationalError, InterfaceError) as error:
        raise DatabaseUnavailable(str(error.orig).strip() or "connection lost") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise DatabaseUnavailable(str(error.orig).strip() or "connection lost") from error
        raise
