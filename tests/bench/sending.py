"""How fast the transactional sender hands over what is queued, signed with RSA-2048, into a sink in C."""

from __future__ import annotations

import time

from tests.bench import load
from tests.bench.accepting import hundred
from tests.bench.cluster import Bench
from tests.bench.figures import Figure
from tests.fixtures.waiting import wait_for

EMAILS = 5_000


def run(bench: Bench) -> list[Figure]:
    """From the start of one sender process (4 threads) with a full queue to the last recorded outcome."""
    rates = []
    for _ in range(bench.runs):
        bench.cluster.stop("sender")
        bench.empty()
        load.post(bench.api, "/api/send/batch", [hundred()] * (EMAILS // 100))
        wait_for(lambda: bench.sql("SELECT count(*) FROM outbox") == [(0,)], "the outbox to be relayed")
        bench.cluster.start("sender")
        wait_for(lambda: bench.count("sent") > 0, "the first")
        first, began = bench.count("sent"), time.perf_counter()
        wait_for(lambda: bench.count("sent") == EMAILS, "all to be sent", 300)
        rates.append((EMAILS - first) / (time.perf_counter() - began))
    return [Figure("sender, 1 process, 4 threads", "emails/s", rates)]
