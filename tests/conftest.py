"""Fixtures: one real cluster a run (fixtures/cluster.py), clients of its API, and a relay to send to."""

from __future__ import annotations

pytest_plugins = [
    "tests.fixtures.cluster",
    "tests.fixtures.relay",
    "tests.fixtures.api",
    "tests.fixtures.database",
]
