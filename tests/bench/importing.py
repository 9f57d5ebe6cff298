"""A million contacts out of one CSV file: how fast they are loaded, and in how much memory."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from tests.bench.cluster import Bench
from tests.bench.figures import Figure
from tests.fixtures.contact_files import blocks

ROWS = int(os.environ.get("IMPORT_ROWS", "1000000"))


def run(bench: Bench) -> list[Figure]:
    """Once: into an empty account, then the same file again, when everybody is known."""
    before = bench.memory("campaigns")
    list_id = bench.api.post("/api/lists", {"name": "bench"}).json()["id"]
    with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        for block in blocks(ROWS):
            file.write(block)
        file.flush()
        size = file.tell() / 1024 / 1024
        new, again = (_imported(bench, list_id, file.name) for _ in range(2))
    return [
        Figure(f"import of {ROWS:,} contacts ({size:.0f} MB): uploaded", "s", [new["uploaded"]]),
        Figure("  loaded, all new", "rows/s", [new["rate"]]),
        Figure("  longest time without progress to see", "s", [new["stall"]]),
        Figure("  loaded again, all known", "rows/s", [again["rate"]]),
        Figure("  campaigns worker's memory, before", "MB", [before]),
        Figure("  campaigns worker's memory, at most", "MB", [bench.memory("campaigns")]),
        Figure("  gateway's memory, at most", "MB", [bench.memory("gateway")]),
    ]


def _imported(bench: Bench, list_id: str, path: str) -> dict[str, float]:
    began = time.perf_counter()
    headers = {"Content-Type": "text/csv"}
    with open(path, "rb") as file:  # noqa: PTH123 - streamed
        answer = bench.api.request("POST", f"/api/lists/{list_id}/import", data=file, headers=headers)
    assert answer.status_code == 202, answer.text
    uploaded = time.perf_counter()
    *_, last = seen = list(_progress(bench, answer.json()["id"]))
    told = last[1]
    assert (told["status"], told["rows"]) == ("completed", ROWS), told
    moments = [uploaded, *(moment for moment, _ in seen)]
    return {
        "uploaded": uploaded - began,
        "rate": ROWS / (last[0] - uploaded),
        "stall": max(later - sooner for sooner, later in pairwise(moments)),
    }


def _progress(bench: Bench, id: str) -> Iterator[tuple[float, dict[str, Any]]]:
    """(moment, import) whenever it got further."""
    rows = -1
    while True:
        told = bench.api.get(f"/api/imports/{id}").json()
        ended = told["status"] not in ("queued", "running")
        if told["rows"] != rows or ended:
            rows = told["rows"]
            yield time.perf_counter(), told
        if ended:
            return
        time.sleep(0.05)
