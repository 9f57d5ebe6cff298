"""How Alembic reaches the database: the configured URL, under a lock so that two migrations never overlap."""

from __future__ import annotations

import re
from typing import Any

from alembic import context
from sqlalchemy import create_engine, text

from shared.db import database_url
from shared.models import metadata

#: Any constant will do; it names the right to migrate this database.
_MIGRATION_LOCK = 4_201_977

_PARTITION = re.compile(r"_(\d{6}|default)$")
_DERIVED_KEY = re.compile(r"_fkey\d*$")


def _include(_: Any, name: str | None, kind: str, __: bool, ___: Any) -> bool:
    """Monthly partitions, and the keys Postgres derives for them, come and go: they are not in the models."""
    if name is None:
        return True
    return not (kind == "table" and _PARTITION.search(name)) and not (
        kind == "foreign_key_constraint" and _DERIVED_KEY.search(name)
    )


def run() -> None:
    """Runs the migrations in one transaction on one connection."""
    engine = create_engine(database_url(), connect_args={"connect_timeout": 5})
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": _MIGRATION_LOCK})
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=metadata,
            include_object=_include,
            compare_type=True,
            compare_server_default=False,
        )
        with context.begin_transaction():
            context.run_migrations()


run()
