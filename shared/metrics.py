"""Metrics of this service for Prometheus: those of all its processes together."""

from __future__ import annotations

from pathlib import Path

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from shared.settings import settings

CONTENT_TYPE = CONTENT_TYPE_LATEST


def exposition() -> bytes:
    """The metrics in Prometheus' text format; without a directory to share, those of this process alone."""
    if settings().metrics_dir is None:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call] # the library has no types here
    return generate_latest(registry)


def begin() -> None:
    """Makes the shared directory and forgets the processes of an earlier start."""
    directory = settings().metrics_dir
    if directory is None:
        return
    Path(directory).mkdir(parents=True, exist_ok=True)
    for left in Path(directory).glob("*.db"):
        left.unlink()


def process_ended(pid: int) -> None:
    """A process of this service is gone: its counts stay, its gauges go."""
    if settings().metrics_dir is not None:
        mark_process_dead(pid)  # type: ignore[no-untyped-call]
