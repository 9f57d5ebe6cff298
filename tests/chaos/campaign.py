"""`python -m tests.chaos.campaign`: kill -9 of fan-out and senders, many times, in the middle of one
campaign.

Everybody must have exactly one row and at least one mail; mails too many at most those that were in flight on
the connections of a killed sender. The relay takes everything, and writes down every message that it took.
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from services.sender import windows
from tests.bench.cluster import Bench, bench_cluster, sink
from tests.bench.newsletter import newsletter
from tests.fixtures.audiences import fill_engine, new_list
from tests.fixtures.rabbit import purge
from tests.fixtures.waiting import wait_for

#: Connections of the bulk senders.
_CONNECTIONS = 4


@click.command()
@click.option("--contacts", default=50_000, show_default=True)
@click.option("--kills", default=20, show_default=True)
@click.option("--chunking/--no-chunking", default=True, help="Windows of messages, or one after the other.")
def main(contacts: int, kills: int, chunking: bool) -> None:
    """Kill fan-out and senders KILLS times while a campaign goes to CONTACTS contacts."""
    options = "" if chunking else "?chunking=no"
    in_flight = _CONNECTIONS * (windows.MOST if chunking else 1)
    with _taken() as taken, sink(taken) as relay, bench_cluster(1, contacts, relay=relay + options) as bench:
        campaign = _send(bench, contacts)
        for number in range(kills):
            goal = contacts * (number + 0.5) / (kills + 1)
            wait_for(lambda goal=goal: _settled(bench, campaign) >= goal, "the campaign to go on", 1800)
            bench.cluster.kill("sender-bulk")
            bench.cluster.kill("campaigns")
            if random.random() < 0.3:
                purge(bench.cluster.layout.rabbitmq_url, "sender-bulk")
            _say(f"kill {number + 1} of {kills}: {_settled(bench, campaign):,} of {contacts:,} settled")
        ended = "SELECT count(*) FROM campaigns WHERE id = :id AND status = 'sent'"
        wait_for(lambda: bench.sql(ended, id=campaign) == [(1,)], "the campaign to be sent", 1800)
        _judge(bench, taken, campaign, contacts, kills * in_flight)


def _judge(bench: Bench, taken: Path, campaign: str, contacts: int, allowed: int) -> None:
    rows = "SELECT count(*), count(DISTINCT contact_id) FROM emails WHERE campaign_id = :id"
    ((emails, readers),) = bench.sql(rows, id=campaign)
    copies = Counter(taken.read_bytes().split())
    lost, twice = contacts - len(copies), copies.total() - len(copies)
    _say(f"rows {emails}, contacts {readers}, mails lost {lost}, repeated {twice} (at most {allowed} may be)")
    assert (emails, readers) == (contacts, contacts)
    assert lost == 0
    assert twice <= allowed


@contextmanager
def _taken() -> Iterator[Path]:
    """A file for the Message-IDs of what the relay took."""
    with tempfile.TemporaryDirectory(prefix="mailmatic-chaos-", dir="/var/tmp") as directory:
        yield Path(directory) / "taken"


def _send(bench: Bench, contacts: int) -> str:
    list_id = new_list(bench.api)
    fill_engine(bench.engine, list_id, contacts, "r{mark}-{n}@example.com")
    made = bench.api.post("/api/campaigns", newsletter(bench.api.sender, list_id)).json()
    answer = bench.api.request("POST", f"/api/campaigns/{made['id']}/send")
    assert answer.status_code == 202, answer.text
    return str(made["id"])


def _settled(bench: Bench, campaign: str) -> int:
    sums = "SELECT COALESCE(sum(sent + bounced + failed), 0) FROM campaign_counts WHERE campaign_id = :id"
    return int(str(bench.sql(sums, id=campaign)[0][0]))


def _say(words: str) -> None:
    sys.stderr.write(words + "\n")


if __name__ == "__main__":
    main()
