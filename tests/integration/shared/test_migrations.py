"""The schema: up and down, step by step, and the same as the models."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, make_url, text

from deploy.local.cluster import Cluster
from deploy.local.layout import BIN, ROOT
from tests.fixtures import commands

VERSIONS = ROOT / "shared/migrations/versions"
REVISIONS = sorted(path.name.partition("_")[0] for path in VERSIONS.glob("0*.py"))


@contextmanager
def new_database(cluster: Cluster) -> Iterator[str]:
    """A database of its own on the cluster's server; yields its URL."""
    url = make_url(cluster.layout.database_url).set(drivername="postgresql+psycopg2")
    name = f"migrations_{uuid.uuid4().hex}"
    server = create_engine(url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        try:
            yield url.set(database=name).render_as_string(hide_password=False)
        finally:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()


def alembic(cluster: Cluster, url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs Alembic against that database."""
    environment = {**cluster.environment(), "DATABASE_URL": url.replace("+psycopg2", "")}
    return commands.run("alembic", "-c", "shared/migrations/alembic.ini", *arguments, environment=environment)


def tables(url: str) -> set[str]:
    """The tables there are, besides Alembic's own."""
    engine = create_engine(url)
    found = set(inspect(engine).get_table_names()) - {"alembic_version"}
    engine.dispose()
    return found


@pytest.fixture(scope="module")
def database_url(servers: Cluster) -> Iterator[str]:
    """An empty database."""
    with new_database(servers) as url:
        yield url


def test_every_step_goes_up_and_down_again(servers: Cluster, database_url: str) -> None:
    after: list[set[str]] = [tables(database_url)]
    for revision in REVISIONS:
        done = alembic(servers, database_url, "upgrade", revision)
        assert done.returncode == 0, done.stderr
        after.append(tables(database_url))
    for revision, expected in zip(["base", *REVISIONS[:-1]][::-1], after[-2::-1], strict=True):
        done = alembic(servers, database_url, "downgrade", revision)
        assert done.returncode == 0, done.stderr
        assert tables(database_url) == expected
    assert tables(database_url) == set()
    done = alembic(servers, database_url, "upgrade", "head")
    assert done.returncode == 0, done.stderr
    assert tables(database_url) == after[-1]


def test_models_and_migrations_agree(servers: Cluster) -> None:
    done = alembic(servers, servers.layout.database_url, "check")
    assert done.returncode == 0, done.stdout + done.stderr


def test_head_names_the_newest_migration() -> None:
    newest = sorted(path.stem for path in VERSIONS.glob("0*.py"))[-1]
    assert newest.startswith(Path(VERSIONS.parent / "HEAD").read_text().strip())


def test_migrating_again_changes_nothing_and_two_at_once_do_not_meet(servers: Cluster) -> None:
    with new_database(servers) as url:
        command = [str(BIN / "alembic"), "-c", "shared/migrations/alembic.ini", "upgrade", "head"]
        environment = {**servers.environment(), "DATABASE_URL": url.replace("+psycopg2", "")}
        both = [subprocess.Popen(command, cwd=ROOT, env=environment) for _ in range(2)]
        assert [process.wait(60) for process in both] == [0, 0]
        assert tables(url) == tables(servers.layout.database_url.replace("://", "+psycopg2://"))
