"""Metrics for Prometheus: those of all processes of a service together.

Whoever makes a metric imports its kind from here: with a directory to share (PROMETHEUS_MULTIPROC_DIR) it is
a file there, and the directory must be before the first of them. HTTP services answer /metrics (shared.web);
a worker serves it on a port of its own, or whichever of its processes got the port, for all of them.
"""

from __future__ import annotations

import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from shared.settings import Settings, settings

__all__ = [
    "CONTENT_TYPE",
    "Counter",
    "Gauge",
    "Histogram",
    "also",
    "begin",
    "exposition",
    "process_ended",
    "serve",
]

CONTENT_TYPE = CONTENT_TYPE_LATEST
#: How often a process whose port another one has looks whether it is free (seconds).
_TRY = 5.0

# not settings(), which would keep what is true of this moment for all who are forked from here
if (_directory := Settings.from_env().metrics_dir) is not None:
    Path(_directory).mkdir(parents=True, exist_ok=True)

_extra: list[Collector] = []


def also(collector: Collector) -> None:
    """What a collector finds when it is asked, besides what is counted."""
    _extra.append(collector)


def exposition() -> bytes:
    """The metrics in Prometheus' text format; without a directory to share, those of this process alone."""
    registry = CollectorRegistry()
    for collector in _extra:
        registry.register(collector)
    if settings().metrics_dir is None:
        return generate_latest(REGISTRY) + generate_latest(registry)
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call] # the library has no types here
    return generate_latest(registry)


def begin() -> None:
    """Makes the directory, and forgets the processes of an earlier start once none of them lives."""
    directory = settings().metrics_dir
    if directory is None:
        return
    Path(directory).mkdir(parents=True, exist_ok=True)
    found = list(Path(directory).glob("*.db"))
    dead = {pid for path in found if not _lives(pid := _pid(path))}
    for pid in dead:
        process_ended(pid)
    if len(dead) == len({_pid(path) for path in found} - {os.getpid()}):
        for path in found:
            if _pid(path) in dead:
                path.unlink(missing_ok=True)


def process_ended(pid: int) -> None:
    """A process of this service is gone: its counts stay, its gauges go."""
    if settings().metrics_dir is not None:
        mark_process_dead(pid)  # type: ignore[no-untyped-call]


def serve() -> None:
    """Serves a worker's metrics over HTTP from a daemon thread, if the settings name a port."""
    config = settings()
    if config.metrics_port:
        address = (config.metrics_listen, config.metrics_port)
        server = _listen(address)
        threading.Thread(target=_serve, args=(address, server), name="metrics", daemon=True).start()


class _Page(BaseHTTPRequestHandler):
    """GET /metrics."""

    def do_GET(self) -> None:
        page = exposition() if self.path.partition("?")[0] == "/metrics" else None
        self.send_response(200 if page is not None else 404)
        self.send_header("Content-Type", CONTENT_TYPE)
        self.send_header("Content-Length", str(len(page or b"")))
        self.end_headers()
        self.wfile.write(page or b"")

    def log_message(self, *_: object) -> None:
        """Nobody needs a line about it."""


def _serve(address: tuple[str, int], server: ThreadingHTTPServer | None) -> None:
    later = threading.Event()
    while server is None:
        later.wait(_TRY)
        server = _listen(address)
    begin()
    server.serve_forever()


def _listen(address: tuple[str, int]) -> ThreadingHTTPServer | None:
    """None: another process of this worker has the port."""
    try:
        return ThreadingHTTPServer(address, _Page)
    except OSError:
        return None


def _pid(path: Path) -> int:
    """The process of a file: counter_17.db, gauge_livesum_17.db."""
    return int(path.stem.rpartition("_")[2])


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
