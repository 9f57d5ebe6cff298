"""The log at millions of emails: pages, searches, statistics and the start of a report, over the API.

Every plan must go by indexes, and a month that is asked about must be all that is read.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import event

from shared.clock import now
from shared.mail_log.filter import LogFilter
from shared.mail_log.search import Part, find
from tests.bench.cluster import Bench
from tests.bench.figures import Figure, percentile
from tests.bench.log_fill import DAYS, Log, fill
from tests.fixtures.waiting import wait_for

#: How many queries the gateway has under way.
_READS = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE '%gateway%' AND state <> 'idle'"
#: Requests of each kind.
_REQUESTS = 40

Query = dict[str, Any]


def run(bench: Bench) -> list[Figure]:
    """p50 and p95 of each kind of request, on one connection."""
    bench.cluster.stop("scheduler")  # fifty million events are not what it would count here
    began = time.perf_counter()
    log = fill(bench, bench.emails)
    figures = [Figure(f"{log.emails:,} emails and {5 * log.emails:,} events written", "s", [_since(began)])]
    chance = random.Random(7)
    for name, (path, query) in _kinds(log, chance).items():
        took = sorted(_took(bench, path, query()) for _ in range(_REQUESTS))
        figures.append(Figure(f"{name}, p50", "ms", [percentile(took, 0.5)]))
        figures.append(Figure("  p95", "ms", [percentile(took, 0.95)]))
    _check_plans(bench, log)
    return figures


def _kinds(log: Log, chance: random.Random) -> dict[str, tuple[str, Callable[[], Query]]]:
    def any_day() -> Query:
        since = log.since + timedelta(days=chance.randrange(DAYS - 1))
        return {"from": since.isoformat(), "to": (since + timedelta(days=1)).isoformat()}

    def number() -> int:
        return chance.randrange(log.emails // 10) * 10 + 1

    def made(**query: Any) -> Callable[[], Query]:
        return lambda: query

    logs, stats, reports = "/api/logs", "/api/stats", "/api/reports"
    return {
        "log, first page": (logs, made()),
        "log, page 100": (logs, made(page=100)),
        "log, a day": (logs, any_day),
        "log, bounced": (logs, made(status="bounced")),
        "log, sent": (logs, made(status="sent")),
        "log, queued (none)": (logs, made(status="queued")),
        "log, a rare tag": (logs, made(tag="rare")),
        "log, a rare domain": (logs, made(domain="rare.example.com")),
        "log, a campaign": (logs, made(campaign_id="00000000-0000-7000-8000-000000000003")),
        "log, opened": (logs, made(event="opened")),
        "log, complained": (logs, made(event="complained")),
        "search, one recipient": (logs, lambda: {"search": f"{number()}@"}),
        "search, rare part of recipients": (logs, made(search=".rare")),
        "search, a third of recipients": (logs, made(search="gmail.com")),
        "search, two letters": (logs, made(search="ia")),
        "search, recipient of a day": (logs, lambda: {"search": "web.de", **any_day()}),
        "search, subject of many": (logs, made(search="News of week")),
        "search, one subject": (logs, lambda: {"search": f"order {number()}"}),
        "search, Message-ID of none": (logs, made(search="<no.such@example.net>")),
        "stats, 30 days": (stats, made()),
        "stats, 180 days by tag": (stats, lambda: {"from": log.since.isoformat(), "by": "tag"}),
        "report, a page": (reports, made()),
        "report as CSV, first byte": (reports, made(export="csv")),
        "report as CSV of a search, first byte": (reports, made(export="csv", search="gmail.com")),
    }


def _took(bench: Bench, path: str, query: Query) -> float:
    """Milliseconds until the whole answer, or until the first byte of a file, once the last one has ended."""
    wait_for(lambda: bench.sql(_READS) == [(0,)], "the gateway to have ended the last")
    began = time.perf_counter()
    with bench.api.get(path, params=query, stream=True) as answer:
        assert answer.status_code == 200, answer.text
        if "export" in query:
            next(answer.iter_content(1))
        else:
            answer.json()
        return _since(began) * 1000


def _check_plans(bench: Bench, log: Log) -> None:
    tenth = (log.since + timedelta(days=31)).replace(day=10)
    day = LogFilter(since=tenth, until=tenth + timedelta(days=1))
    for which in (LogFilter(), LogFilter(status="bounced"), LogFilter(search="71@web"), day):
        read = _read_by(bench, log, which)
        # subjects are looked for among so many emails, which may be all of a month
        whole = {name for name in read["Seq Scan"] if not (which.search and name.startswith("emails"))}
        assert not whole, f"{which} reads all of {whole}"
    months = {name.rpartition("_")[2] for name in read["all"]}
    assert months == {f"{tenth:%Y%m}"}, f"a day is looked for in {months}"


def _read_by(bench: Bench, log: Log, which: LogFilter) -> dict[str, set[str]]:
    """The partitions that a page reads, and those of them that are read from end to end."""
    statements: list[tuple[str, Any]] = []
    read: dict[str, set[str]] = {"all": set(), "Seq Scan": set()}
    with bench.engine.connect() as tx:
        event.listen(tx, "before_cursor_execute", lambda *args: statements.append(args[2:4]))
        find(tx, log.account, which, Part(50))
        for statement, parameters in list(statements):
            plan = tx.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters).scalar_one()
            _note_tables(plan[0]["Plan"], read)
    return read


def _note_tables(node: dict[str, Any], read: dict[str, set[str]]) -> None:
    name = node.get("Relation Name", "")
    table, _, month = name.rpartition("_")
    # of months to come and of the default there is nothing: reading all of them is the cheapest
    if table in ("emails", "recipients", "events") and month <= f"{now():%Y%m}":
        read["all"].add(name)
        read.setdefault(node["Node Type"], set()).add(name)
    for inner in node.get("Plans", ()):
        _note_tables(inner, read)


def _since(began: float) -> float:
    return time.perf_counter() - began
