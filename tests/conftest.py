"""Fixtures: one real cluster a run (fixtures/cluster.py), clients of its API, a relay to send to, a DNS."""

from __future__ import annotations

pytest_plugins = [
    "tests.fixtures.dns_server",  # before those who import it
    "tests.fixtures.cluster",
    "tests.fixtures.relay",
    "tests.fixtures.api",
    "tests.fixtures.database",
    "tests.fixtures.submission",
]
