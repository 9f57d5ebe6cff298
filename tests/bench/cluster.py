"""The cluster under load: default settings but for rate limits, and a relay that takes everything."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, create_engine, make_url, text

from deploy.local.cluster import Cluster
from deploy.local.layout import BIN, ROOT, Layout
from deploy.local.ports import HOST, Ports, answers, free_port
from tests.fixtures.api import Client, new_client
from tests.fixtures.waiting import wait_for

_SETTINGS = {
    "MAILMATIC_RATE_LIMIT_CREDENTIAL": "off",
    "MAILMATIC_RATE_LIMIT_IP": "off",
    "MAILMATIC_RATE_LIMIT_VISITOR": "off",
    "MAILMATIC_LOG_FORMAT": "json",
}

#: Of the kernel's clock, a second.
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Bench:
    """A running cluster, a tenant of it, and its database."""

    cluster: Cluster
    api: Client
    engine: Engine
    runs: int
    contacts: int
    emails: int

    def sql(self, statement: str, **values: object) -> list[tuple[object, ...]]:
        """The rows of a statement."""
        with self.engine.begin() as connection:
            result = connection.execute(text(statement), values)
            return [tuple(row) for row in result] if result.returns_rows else []

    def count(self, status: str) -> int:
        """How many emails have this status."""
        return int(str(self.sql("SELECT count(*) FROM emails WHERE status = :status", status=status)[0][0]))

    def empty(self) -> None:
        """Forgets every email."""
        self.sql("TRUNCATE emails, recipients, contents, events, outbox")

    def empty_campaigns(self) -> None:
        """Forgets every email, campaign and contact."""
        self.empty()
        self.sql("TRUNCATE campaigns, campaign_recipients, campaign_counts, contacts, lists, tags CASCADE")

    def cpu(self, program: str) -> float:
        """Processor time that a program and its living children have used so far (seconds)."""
        first = self.cluster.pid(program)
        used = 0.0
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                stat = path.read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            # PostgreSQL's backends are in groups of their own
            if first in (int(path.parent.name), int(stat[1]), int(stat[2])):
                used += (int(stat[11]) + int(stat[12])) / _TICKS
        return used

    def memory(self, program: str) -> float:
        """The most memory that a program and its children have held at once so far, each its own (MB)."""
        group = os.getpgid(self.cluster.pid(program))
        peaks = [
            int(line.split()[1]) / 1024
            for status in Path("/proc").glob("[0-9]*/status")
            if _in_group(int(status.parent.name), group)
            for line in status.read_text().splitlines()
            if line.startswith("VmHWM")
        ]
        return sum(peaks)


@contextmanager
def bench_cluster(runs: int, contacts: int, emails: int = 0, relay: str | None = None) -> Iterator[Bench]:
    """Starts everything, with a relay of its own unless one is given by its URL; removes it afterwards."""
    with _directory() as directory, nullcontext(relay) if relay else sink() as url:
        settings = {**_SETTINGS, "MAILMATIC_RELAYS": url}
        with Cluster(Layout(directory, Ports.free(), {}, settings)) as cluster:
            cluster.open()
            cluster.start_servers()
            cluster.migrate()
            cluster.start_services()
            database = make_url(cluster.layout.database_url).set(drivername="postgresql+psycopg2")
            engine = create_engine(database)
            yield Bench(cluster, new_client(cluster), engine, runs, contacts, emails)
            engine.dispose()


@contextmanager
def _directory() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="mailmatic-bench-", dir="/var/tmp"))
    directory.chmod(0o755)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def sink(taken: Path | None = None) -> Iterator[str]:
    """A relay that takes everything (tests.bench.sink), by its URL; `taken`: where it writes Message-IDs."""
    port = free_port()
    command = [str(BIN / "python"), "-m", "tests.bench.sink", str(port)]
    process = subprocess.Popen(command + (["--taken", str(taken)] if taken else []), cwd=ROOT)
    try:
        wait_for(lambda: answers(port), "the sink to listen")
        yield f"smtp://{HOST}:{port}"
    finally:
        process.terminate()
        process.wait(10)


def _in_group(pid: int, group: int) -> bool:
    try:
        return os.getpgid(pid) == group
    except ProcessLookupError:
        return False
