"""Fixtures: one real cluster a run (fixtures/cluster.py), clients of its API, a relay to send to, a DNS."""

from __future__ import annotations

import re

pytest_plugins = [
    "tests.fixtures.dns_server",  # before those who import it
    "tests.fixtures.cluster",
    "tests.fixtures.relay",
    "tests.fixtures.api",
    "tests.fixtures.database",
    "tests.fixtures.submission",
    "tests.fixtures.in_process",
]

_UUID = re.compile(r"[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}")


def pytest_make_parametrize_id(val: object) -> str | None:
    """Names by which tests are shared out, the same in every process: ids that are made up are left out."""
    return _UUID.sub("id", val) if isinstance(val, str) and _UUID.search(val) else None
