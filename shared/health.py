"""Liveness of what has no HTTP port, and the dependency checks that every readiness answer shares.

A worker beats into a file of the state directory; `python -m shared.health NAME` exits 0 while that beat is
fresh and Postgres answers. It is the health check of containers and of the local cluster. The file is named
after process and host, so that replicas which share a state directory don't vouch for each other.
"""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import text

from shared import broker, memory, metrics, redis
from shared.db import transaction
from shared.settings import settings

_BEAT_SECONDS = 2.0
_STALE_SECONDS = 15.0


def dependencies() -> dict[str, str]:
    """`{"postgres": "ok" | "unavailable", "rabbitmq": …, "redis": …}`."""
    probes: dict[str, Callable[[], object]] = {
        "postgres": _ping_postgres,
        "rabbitmq": lambda: broker.ping(settings().rabbitmq_url),
        "redis": lambda: redis.client().ping(),
    }
    return {name: _outcome(probe) for name, probe in probes.items()}


def start_beating(alive: Callable[[], bool] = lambda: True) -> None:
    """A worker has loaded all it needs: it beats from a daemon thread until the process ends.

    Args:
        alive: whether it is, in its own opinion; a worker that says no does not beat.
    """
    memory.settle()
    metrics.serve()
    path = _beat_path(settings().process)
    path.parent.mkdir(parents=True, exist_ok=True)

    def beat() -> None:
        while True:
            if alive():
                path.write_text(str(time.time()))
            time.sleep(_BEAT_SECONDS)

    threading.Thread(target=beat, name="heartbeat", daemon=True).start()


def beats(name: str) -> bool:
    """Whether process `name` has beaten lately: all that can be asked of one that has no database."""
    path = _beat_path(name)
    return path.exists() and time.time() - path.stat().st_mtime <= _STALE_SECONDS


def main(name: str) -> int:
    """Exit status of the health check of process `name`: 0 healthy, 1 not (with the reason on stderr)."""
    if not beats(name):
        sys.stderr.write(f"{name}: no heartbeat in the last {_STALE_SECONDS:.0f} s\n")
        return 1
    if _outcome(_ping_postgres) != "ok":
        sys.stderr.write(f"{name}: PostgreSQL does not answer\n")
        return 1
    return 0


def _ping_postgres() -> None:
    with transaction() as tx:
        tx.execute(text("SELECT 1"))


def _outcome(probe: Callable[[], object]) -> str:
    try:
        probe()
    except Exception:  # a probe may fail in any way its library has; all mean the same here
        return "unavailable"
    return "ok"


def _beat_path(name: str) -> Path:
    return settings().state_dir / "health" / f"{name}@{socket.gethostname()}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else settings().process))
