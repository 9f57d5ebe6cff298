"""Emails that are all due in the same second: how long their release takes, and in how much memory."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from tests.bench import load
from tests.bench.accepting import hundred
from tests.bench.cluster import Bench
from tests.bench.figures import Figure
from tests.fixtures.waiting import wait_for

EMAILS = 100_000


def run(bench: Bench) -> list[Figure]:
    """Once: from the second in which they are due until the last is queued, and handed to RabbitMQ."""
    bench.cluster.stop("sender")
    bench.empty()
    before = bench.memory("scheduler"), bench.memory("relay")
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    emails = [{**item, "html": "<p>Hi</p>", "send_at": later} for item in hundred()["emails"]]
    load.post(bench.api, "/api/send/batch", [{"emails": emails}] * (EMAILS // 100))
    # the same second for all, which is now
    bench.sql("UPDATE emails SET send_at = now(), due_at = now() WHERE status = 'scheduled'")
    began = time.perf_counter()
    wait_for(lambda: bench.count("scheduled") == 0, "all to be released", 300)
    released = time.perf_counter() - began
    wait_for(lambda: bench.sql("SELECT count(*) FROM outbox") == [(0,)], "all to be relayed", 300)
    relayed = time.perf_counter() - began
    after = bench.memory("scheduler"), bench.memory("relay")
    bench.empty()
    bench.cluster.start("sender")
    return [
        Figure(f"{EMAILS:,} due at once: until the last is queued", "s", [released]),
        Figure("  until the last nudge is in RabbitMQ", "s", [relayed]),
        Figure("  scheduler's memory, before", "MB", [before[0]]),
        Figure("  scheduler's memory, at most", "MB", [after[0]]),
        Figure("  outbox relay's memory, before", "MB", [before[1]]),
        Figure("  outbox relay's memory, at most", "MB", [after[1]]),
    ]
