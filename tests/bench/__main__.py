"""`python -m tests.bench [accepting sending …]`: runs benchmarks and prints what they measured."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import click

from tests.bench import (
    accepting,
    audience,
    campaign,
    importing,
    logs,
    scheduling,
    sending,
    submission,
    tracking,
    watching,
)
from tests.bench.cluster import Bench, bench_cluster
from tests.bench.figures import Figure, machine, table

BENCHES: dict[str, Callable[[Bench], list[Figure]]] = {
    "accepting": accepting.run,
    "sending": sending.run,
    "scheduling": scheduling.run,
    "tracking": tracking.run,
    "importing": importing.run,
    "campaign": campaign.run,
    "audience": audience.run,
    "submission": submission.run,
    "watching": watching.run,
    "logs": logs.run,
}

#: Takes a quarter of an hour to fill: run when it is asked for.
_LONG = "logs"


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(BENCHES)))
@click.option("--runs", default=3, show_default=True, help="Runs of each; the median is reported.")
@click.option("--contacts", default=100_000, show_default=True, help="Contacts of a campaign.")
@click.option("--emails", default=10_000_000, show_default=True, help="Emails of the log.")
@click.option("--json", "path", type=click.Path(dir_okay=False, path_type=Path), help="Write figures here.")
def main(names: tuple[str, ...], runs: int, contacts: int, emails: int, path: Path | None) -> None:
    """Run the benchmarks NAMES (default: all but that of logs) and print a table."""
    _say("starting the cluster …")
    figures: list[Figure] = []
    with bench_cluster(runs, contacts, emails) as bench:
        for name in names or [name for name in BENCHES if name != _LONG]:
            _say(f"{name} …")
            figures += BENCHES[name](bench)
    click.echo(machine())
    click.echo(table(figures))
    if path:
        told = {"machine": machine(), "figures": [item.as_json() for item in figures]}
        path.write_text(json.dumps(told, indent=2) + "\n")


def _say(words: str) -> None:
    sys.stderr.write(words + "\n")


if __name__ == "__main__":
    main()
