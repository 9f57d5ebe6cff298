"""What a benchmark reports: medians with their spread, as a table and as JSON, and of which machine."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One measured quantity: its value in each run."""

    name: str
    unit: str
    values: Sequence[float]

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.values)

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "name": self.name,
            "unit": self.unit,
            "median": self.median,
            "min": min(self.values),
            "max": max(self.values),
            "runs": len(self.values),
        }


def table(figures: Sequence[Figure]) -> str:
    """For people."""
    rows = [("what", "median", "min", "max", "unit")]
    rows += [
        (
            item.name,
            *(_number(value) for value in (item.median, min(item.values), max(item.values))),
            item.unit,
        )
        for item in figures
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    return "\n".join(
        f"{row[0]:<{widths[0]}}  "
        + "  ".join(f"{cell:>{width}}" for cell, width in zip(row[1:4], widths[1:4], strict=True))
        + f"  {row[4]}"
        for row in rows
    )


def machine() -> str:
    """Cores, memory and kernel."""
    memory = next(line for line in Path("/proc/meminfo").read_text().splitlines() if "MemTotal" in line)
    gigabytes = int(memory.split()[1]) / 1024 / 1024
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    cores = len(os.sched_getaffinity(0))
    software = f"Linux {platform.release()}, Python {platform.python_version()}"
    return f"{model}, {cores} cores, {gigabytes:.0f} GB, {software}"


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0 to 1) of `values` lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
