"""Reports of any size through the edge: memory stays flat, and a client that goes away ends the reading.

`REPORT_ROWS=1000000` has a million rows; the suite some thousand.
"""

from __future__ import annotations

import os
import re
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from sqlalchemy import text

from deploy.local.ports import HOST
from tests.fixtures.api import Client, new_client
from tests.fixtures.cluster import Cluster
from tests.fixtures.database import Database
from tests.fixtures.mail_log import write_log
from tests.fixtures.waiting import wait_for

ROWS = int(os.environ.get("REPORT_ROWS", "20000"))
#: What a report may add to the memory of the gateway (bytes): a few pages, however many there are.
_PAGES = 40 * 1024 * 1024
#: Makes rows of a kilobyte where there are few, so that sockets' buffers hold only part of the file.
_SUBJECT = "Many of a kind " * max(1, 60 * 20_000 // ROWS)
#: Looks in a row that must see the same.
_LOOKS = 30


@pytest.fixture(scope="module")
def api(running: Cluster, database: Database) -> Iterator[Client]:
    """A tenant with a long log."""
    client = new_client(running)
    with database.engine.begin() as tx:
        tx.execute(text("SET LOCAL statement_timeout = 0"))
        account_id = write_log(tx, client.domain, ROWS, _SUBJECT)
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE emails, recipients"))
    yield client
    database.run("DELETE FROM recipients WHERE account_id = :id", id=account_id)
    database.run("DELETE FROM emails WHERE account_id = :id", id=account_id)


def test_a_file_is_whole_and_the_gateways_memory_stays_flat(api: Client, running: Cluster) -> None:
    url = f"/api/reports?export=csv&domain={api.domain}"
    assert api.get(url).text.count("\r\n") == 1  # nobody has sent from there; modules are loaded by now
    before, most, lines, began = _memory(running), 0, 0, time.perf_counter()
    with api.get("/api/reports?export=csv", stream=True) as file:
        first = 0.0
        for number, chunk in enumerate(file.iter_content(1024 * 1024)):
            first = first or time.perf_counter() - began
            lines += chunk.count(b"\n")
            if number % 4 == 0:
                most = max(most, _memory(running))
    grown = most - before
    told = f"{ROWS} rows: first MB after {first * 1000:.0f} ms, {grown / 2**20:+.0f} MB in the gateway"
    sys.stdout.write(f"{told}, {time.perf_counter() - began:.0f} s\n")
    assert lines == ROWS + 1
    assert grown < _PAGES


def test_a_client_that_goes_away_ends_the_reading(api: Client, running: Cluster) -> None:
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect((HOST, running.layout.ports.edge))
        asked = ("GET /api/reports?export=csv HTTP/1.1", "Host: x", f"Authorization: Bearer {api.key}")
        client.sendall("\r\n".join((*asked, "", "")).encode())
        assert client.recv(1024).startswith(b"HTTP/1.1 200")
        # who reads slowly is read for slowly: with the buffers full, no page is asked for
        read = [_rows_read(running)]

        def stalls() -> bool:
            read.append(_rows_read(running))
            return len(read) > _LOOKS and read[-1] == read[-_LOOKS]

        wait_for(stalls, "the buffers to be full")
        assert read[-1] - read[0] < ROWS
    for _ in range(20):
        assert api.get("/api/reports?limit=1").status_code == 200
    after = [_rows_read(running) for _ in range(_LOOKS)]
    assert set(after) == {read[-1]}


def _rows_read(running: Cluster) -> int:
    """How many rows of files the gateway has read so far."""
    page = requests.get(f"http://{HOST}:{running.layout.ports.gateway}/metrics", timeout=20).text
    counted = re.search(r"^mailmatic_report_rows_total (\S+)", page, re.MULTILINE)
    return int(float(counted[1])) if counted else 0


def _memory(running: Cluster) -> int:
    """What all processes of the gateway hold of their own (bytes)."""
    group = os.getpgid(running.pid("gateway"))
    found = 0
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            if os.getpgid(int(status.parent.name)) != group:
                continue
            lines = status.read_text().splitlines()
        except (ProcessLookupError, FileNotFoundError):
            continue
        found += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))
    return found
