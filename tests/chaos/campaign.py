"""`python -m tests.chaos.campaign`: kill -9 of fan-out and senders, many times, in the middle of one
campaign.

Everybody must have exactly one row and at least one mail; mails too many at most one for each connection of a
killed sender. The relay is Postfix's smtp-sink, which pipelines, and keeps every message that it took.
"""

from __future__ import annotations

import random
import re
import sys
from collections import Counter

import click

from tests.bench.cluster import Bench, bench_cluster
from tests.bench.newsletter import newsletter
from tests.fixtures.audiences import fill_engine, new_list
from tests.fixtures.rabbit import purge
from tests.fixtures.smtp_peers import Sink, smtp_sink
from tests.fixtures.waiting import wait_for

#: Connections of one sender process, and so messages in flight at a kill.
_CONNECTIONS = 4
_MESSAGE_ID = re.compile(rb"^Message-ID: (<\S+>)", re.MULTILINE | re.IGNORECASE)


@click.command()
@click.option("--contacts", default=50_000, show_default=True)
@click.option("--kills", default=20, show_default=True)
def main(contacts: int, kills: int) -> None:
    """Kill fan-out and senders KILLS times while a campaign goes to CONTACTS contacts."""
    with smtp_sink() as sink, bench_cluster(1, contacts, relay_port=sink.port) as bench:
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
        _judge(bench, sink, campaign, contacts, kills)


def _judge(bench: Bench, sink: Sink, campaign: str, contacts: int, kills: int) -> None:
    rows = "SELECT count(*), count(DISTINCT contact_id) FROM emails WHERE campaign_id = :id"
    ((emails, readers),) = bench.sql(rows, id=campaign)
    copies: Counter[bytes] = Counter()
    for raw in sink.messages:
        found = _MESSAGE_ID.search(raw)
        if found:  # smtp-sink begins a file with MAIL, and leaves it there when the client is gone
            copies[found[1]] += 1
    lost, twice = contacts - len(copies), sum(copies.values()) - len(copies)
    allowed = kills * _CONNECTIONS
    _say(f"rows {emails}, contacts {readers}, mails lost {lost}, repeated {twice} (at most {allowed} may be)")
    assert (emails, readers) == (contacts, contacts)
    assert lost == 0
    assert twice <= allowed


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
