"""Imports whose worker is killed: whatever the moment, the end is that of an import nobody disturbed.

`KILLS=20` kills so often; the suite kills a few times only.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import create_engine, insert, make_url, text

from deploy.local.cluster import Cluster
from deploy.local.layout import BIN, ROOT
from services.gateway.import_store import Options, create
from shared.contact_import.load import claim
from shared.ids import new_id
from shared.models import accounts, imports, lists, suppressions, tags
from tests.fixtures.contact_files import blocks
from tests.fixtures.database import Database
from tests.fixtures.waiting import wait_for

KILLS = int(os.environ.get("KILLS", "3"))
ROWS = 2_000 * (KILLS + 1)
#: Rows a step: so that a kill meets one of hundreds.
STEP = 40


@pytest.fixture(scope="module")
def apart(servers: Cluster) -> Iterator[tuple[Database, dict[str, str]]]:
    """A database that no worker knows, and the settings of processes that do."""
    url = make_url(servers.layout.database_url).set(drivername="postgresql+psycopg2")
    name = f"imports_{uuid.uuid4().hex}"
    server = create_engine(url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        mine = url.set(database=name)
        settings = {
            **servers.environment(),
            "DATABASE_URL": mine.set(drivername="postgresql").render_as_string(hide_password=False),
            "MAILMATIC_IMPORT_STEP_ROWS": str(STEP),
            "PYTHONPATH": str(ROOT),
        }
        migrate = [str(BIN / "alembic"), "-c", "shared/migrations/alembic.ini", "upgrade", "head"]
        subprocess.run(migrate, cwd=ROOT, env=settings, check=True, capture_output=True)
        engine = create_engine(mine)
        try:
            yield Database(engine), settings
        finally:
            engine.dispose()
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()


@pytest.fixture(scope="module")
def expected(apart: tuple[Database, dict[str, str]]) -> dict[str, Any]:
    """What an import comes to that nobody disturbs."""
    database, settings = apart
    undisturbed = begun(database)
    assert loaded(settings, undisturbed)
    found = outcome(database, undisturbed)
    assert found["import"][0][:2] == ("completed", ROWS)
    assert len(found["contacts"]) > ROWS * 0.9
    assert found["rejects"]
    return found


def begun(database: Database) -> UUID:
    """An import of the same file into an account of its own, with somebody suppressed and a tag."""
    account_id, list_id, tag_id = new_id(), new_id(), new_id()
    mine = {"account_id": account_id}
    with database.engine.begin() as tx:
        tx.execute(insert(accounts).values(id=account_id, name="x"))
        tx.execute(insert(lists).values(id=list_id, name="x", **mine))
        tx.execute(insert(tags).values(id=tag_id, name="x", color="#000000", **mine))
        one = {"id": new_id(), "address": "person.7@yahoo.com", "reason": "manual", "source": "x"}
        tx.execute(insert(suppressions).values(**one, **mine))
        options = Options(list_id, "upsert", [tag_id], confirmed=True, mapping={}, filename=None)
        return create(tx, account_id, blocks(ROWS), options)[0]


@contextmanager
def runner(settings: dict[str, str], id: UUID) -> Iterator[subprocess.Popen[str]]:
    """A process that works on the import."""
    command = [sys.executable, "-m", "tests.fixtures.import_runner", str(id)]
    with subprocess.Popen(command, cwd=ROOT, env=settings, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "begun\n"
        yield process


def loaded(settings: dict[str, str], id: UUID) -> bool:
    """Whether a process that nobody disturbs comes to the end."""
    with runner(settings, id) as process:
        process.communicate(timeout=120)
    return process.returncode == 0


def outcome(database: Database, id: UUID) -> dict[str, Any]:
    """All that an import made, without what is of one run alone: ids and times."""

    def rows(statement: str) -> list[Any]:
        return [tuple(row) for row in database.all(statement, id=id)]

    return {
        "import": rows(
            "SELECT status, rows, added, updated, skipped, rejected, suppressed, position, line"
            " FROM imports WHERE id = :id"
        ),
        "contacts": rows(
            "SELECT email, email_key, first_name, last_name, metadata FROM contacts"
            " WHERE account_id = (SELECT account_id FROM imports WHERE id = :id) ORDER BY 2"
        ),
        "subscriptions": rows(
            "SELECT email_key, subscriptions.status FROM subscriptions JOIN contacts ON id = contact_id"
            " WHERE list_id = (SELECT list_id FROM imports WHERE id = :id) ORDER BY 1"
        ),
        "tags": rows(
            "SELECT count(*) FROM contact_tags"
            " WHERE account_id = (SELECT account_id FROM imports WHERE id = :id)"
        ),
        "rejects": rows("SELECT line, reason, row FROM import_rejects WHERE import_id = :id ORDER BY 1"),
        "chunks": rows("SELECT count(*) FROM import_chunks WHERE import_id = :id"),
    }


def test_an_import_that_is_killed_again_and_again_ends_like_one_that_nobody_disturbed(
    apart: tuple[Database, dict[str, str]], expected: dict[str, Any]
) -> None:
    database, settings = apart
    killed = begun(database)
    dice = random.Random(ROWS)
    for kill in range(1, KILLS + 1):
        with runner(settings, killed) as process:
            wait_for(past(database, killed, ROWS * kill // (KILLS + 1)), "the import to get further", 120)
            wait_for(lambda: dice.random() < 0.3, "some moment within a step")
            process.kill()
        assert database.all("SELECT status FROM imports WHERE id = :id", id=killed) == [("running",)]
    assert loaded(settings, killed)
    assert outcome(database, killed) == expected


def test_who_was_taken_for_dead_does_nothing_more_once_another_took_over(
    apart: tuple[Database, dict[str, str]], expected: dict[str, Any]
) -> None:
    database, settings = apart
    shared = begun(database)
    with runner(settings, shared) as first:
        wait_for(past(database, shared, ROWS // 4), "the import to get further", 120)
        with database.engine.begin() as tx:
            tx.execute(imports.update().where(imports.c.id == shared).values(due_at=imports.c.created_at))
            assert claim(tx, shared, lease=0)
        said, _ = first.communicate(timeout=120)
    assert "import.left" in said
    assert loaded(settings, shared)
    assert outcome(database, shared) == expected


def past(database: Database, id: UUID, rows: int) -> Callable[[], bool]:
    """Whether an import has read so many rows."""
    return lambda: database.all("SELECT rows FROM imports WHERE id = :id", id=id)[0][0] >= rows
