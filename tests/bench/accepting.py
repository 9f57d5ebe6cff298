"""How fast emails are accepted: one a request, a hundred a request; beside an answer that does nothing."""

from __future__ import annotations

from typing import Any

from tests.bench import load
from tests.bench.cluster import Bench
from tests.bench.figures import Figure, percentile

REQUESTS, BATCHES = 1_500, 60


def run(bench: Bench) -> list[Figure]:
    """Through nginx, eight clients; the sender is stopped, so both cores are theirs."""
    bench.cluster.stop("sender")
    api = bench.api
    load.post(api, "/api/send", [email(api.sender)] * 200)  # warm
    floor, rates, middle, slow, batch = [], [], [], [], []
    for _ in range(bench.runs):
        bench.empty()
        floor.append(load.get(api, "/healthz", REQUESTS).rate)
        single = load.post(api, "/api/send", [email(api.sender)] * REQUESTS)
        rates.append(single.rate)
        middle.append(percentile(single.latencies, 0.5) * 1000)
        slow.append(percentile(single.latencies, 0.99) * 1000)
        batch.append(load.post(api, "/api/send/batch", [hundred()] * BATCHES).rate * 100)
    bench.cluster.start("sender")
    return [
        Figure("answers of /healthz (floor)", "requests/s", floor),
        Figure("POST /api/send", "emails/s", rates),
        Figure("  median", "ms", middle),
        Figure("  99th percentile", "ms", slow),
        Figure("POST /api/send/batch, 100 each", "emails/s", batch),
    ]


def email(sender: str) -> dict[str, Any]:
    """An email of 5 KB."""
    html = "<p>Welcome to Mailmatic.</p>" * 180
    return {"from": sender, "to": "ada@example.com", "subject": "Welcome", "html": html}


def hundred() -> dict[str, Any]:
    """A batch."""
    html = "<p>Welcome to Mailmatic.</p>" * 180
    emails = [{"to": f"u{number}@example.com", "subject": "Welcome", "html": html} for number in range(100)]
    return {"emails": emails}
