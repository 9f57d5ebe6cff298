"""A batch of hits → events, first opens and clicks, counts: in one transaction, however often it is told.

An event's id is its hit's, and only events that are new are counted. Hits of emails that are not kept any
more have nobody to be counted for, and are passed over.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from services.tracker import queries
from services.tracker.bots import BURST, BURST_LINKS, BURST_SECONDS, Signs, Verdict, bursts, judge
from services.tracker.hits import CLICK, OPEN, Hit
from shared.ids import id_floor, new_id
from shared.ip_addresses import Keep
from shared.settings import settings
from shared.tracking import TRAP

_TYPES = {OPEN: "email.opened", CLICK: "email.clicked"}
#: A delivery that is recorded has one of these (shared.states).
_DELIVERED = frozenset({"sent", "delivered"})

Whose = tuple[UUID, int]


@dataclass
class _Sum:
    """What a batch adds for one recipient."""

    counts: Counter[str] = field(default_factory=Counter)
    firsts: dict[str, datetime] = field(default_factory=dict)

    def add(self, what: str, moment: datetime) -> None:
        self.counts[what] += 1
        self.firsts[what] = min(moment, self.firsts.get(what, moment))


def record(tx: Connection, hits: Sequence[Hit]) -> int:
    """Writes opens and clicks; returns how many of them were new."""
    unique = {hit.id: hit for hit in hits if hit.kind in _TYPES}
    emails = _emails(tx, unique.values())
    known = [hit for hit in unique.values() if hit.email_id in emails]
    if not known:
        return 0
    whose = sorted({(hit.email_id, hit.position) for hit in known if hit.position is not None})
    recipients = _locked(tx, whose)
    verdicts = {hit.id: judge(_signs(hit, recipients)) for hit in known}
    new = _insert(tx, known, emails, verdicts)
    fresh = [hit for hit in known if hit.id in new]
    sums = _sums(fresh, verdicts)
    _count(tx, sums)
    _rejudge(tx, fresh)
    _tell(tx, fresh, verdicts, emails)
    return len(fresh)


def _emails(tx: Connection, hits: Iterable[Hit]) -> dict[UUID, Row[Any]]:
    ids = sorted({str(hit.email_id) for hit in hits})
    return {row.id: row for row in tx.execute(queries.EMAILS, {"ids": ids})} if ids else {}


def _locked(tx: Connection, whose: Sequence[Whose]) -> dict[Whose, Row[Any]]:
    rows = tx.execute(queries.LOCK_RECIPIENTS, _pairs(whose)) if whose else ()
    return {(row.email_id, row.position): row for row in rows}


def _signs(hit: Hit, recipients: dict[Whose, Row[Any]]) -> Signs:
    row = recipients.get((hit.email_id, hit.position)) if hit.position is not None else None
    since = (hit.occurred_at - row.updated_at).total_seconds() if row and row.status in _DELIVERED else None
    trap = hit.kind == CLICK and hit.index == TRAP
    return Signs(hit.kind == OPEN, hit.method, hit.agent, hit.address, hit.prefetch, trap, since)


def _insert(
    tx: Connection, hits: Sequence[Hit], emails: dict[UUID, Row[Any]], verdicts: dict[UUID, Verdict]
) -> set[UUID]:
    """The ids of the events that are new."""
    keeps = settings().track_ip
    rows = tx.execute(
        queries.INSERT_EVENTS,
        {
            "ids": [str(hit.id) for hit in hits],
            "accounts": [str(emails[hit.email_id].account_id) for hit in hits],
            "emails": [str(hit.email_id) for hit in hits],
            "positions": [hit.position for hit in hits],
            "types": [_TYPES[hit.kind] for hit in hits],
            "moments": [hit.occurred_at for hit in hits],
            "data": [json.dumps(_data(hit, verdicts[hit.id], keeps)) for hit in hits],
        },
    )
    return set(rows.scalars())


def _data(hit: Hit, verdict: Verdict, keeps: Keep) -> dict[str, Any]:
    """What an event tells besides."""
    link = {"link": hit.index, "url": hit.target} if hit.kind == CLICK else {}
    told = {
        "machine": verdict.machine,
        "reasons": list(verdict.reasons),
        **link,
        "user_agent": hit.agent.replace("\0", ""),
        "ip": keeps.of(hit.address),
    }
    return {name: value for name, value in told.items() if value not in ("", None)}


def _sums(hits: Iterable[Hit], verdicts: dict[UUID, Verdict]) -> dict[Whose, _Sum]:
    sums: dict[Whose, _Sum] = {}
    for hit in hits:
        if hit.position is not None:
            what = ("machine_" if verdicts[hit.id].machine else "") + hit.kind + "s"
            sums.setdefault((hit.email_id, hit.position), _Sum()).add(what, hit.occurred_at)
    return sums


def _count(tx: Connection, sums: dict[Whose, _Sum]) -> None:
    if not sums:
        return
    whose = sorted(sums)
    counts = {
        name: [sums[one].counts[name] for one in whose]
        for name in ("opens", "clicks", "machine_opens", "machine_clicks")
    }
    firsts = {
        column: [sums[one].firsts.get(name) for one in whose]
        for column, name in (
            ("opened_at", "opens"),
            ("clicked_at", "clicks"),
            ("machine_opened_at", "machine_opens"),
            ("machine_clicked_at", "machine_clicks"),
        )
    }
    tx.execute(queries.COUNT_RECIPIENTS, {**_pairs(whose), **counts, **firsts})


def _rejudge(tx: Connection, fresh: Sequence[Hit]) -> None:
    """Clicks that only others beside them show to be a machine's, also those of earlier batches."""
    clicks = [hit for hit in fresh if hit.kind == CLICK and hit.position is not None]
    if not clicks:
        return
    since = min(hit.occurred_at for hit in clicks) - timedelta(seconds=2 * BURST_SECONDS)
    emails = sorted({str(hit.email_id) for hit in clicks})
    asked = {"emails": emails, "since": str(id_floor(since)), "links": BURST_LINKS}
    by_recipient: dict[Whose, list[Row[Any]]] = {}
    for row in tx.execute(queries.CLICKS_SINCE, asked):
        by_recipient.setdefault((row.email_id, row.position), []).append(row)
    changed: dict[Whose, list[Row[Any]]] = {}
    for whose, rows in by_recipient.items():
        found = bursts([(row.occurred_at.timestamp(), row.data.get("link", 0)) for row in rows])
        told = [rows[at] for at in found if BURST not in rows[at].data["reasons"]]
        if told:
            changed[whose] = told
    if not changed:
        return
    rows = [row for told in changed.values() for row in told]
    tx.execute(
        queries.REJUDGE,
        {"ids": [str(row.id) for row in rows], "data": [json.dumps(_burst(row.data)) for row in rows]},
    )
    _tell_reclassified(tx, [row for row in rows if not row.data["machine"]])
    tx.execute(queries.RECOUNT_CLICKS, _pairs(sorted(changed)))


def _burst(data: dict[str, Any]) -> dict[str, Any]:
    if data["machine"]:
        return {**data, "reasons": [*data["reasons"], BURST]}
    # what a person's verdict holds are notes; whoever counted it as a person's can tell by the mark
    return {**data, "machine": True, "reasons": [BURST], "reclassified": True}


def _tell_reclassified(tx: Connection, rows: Sequence[Row[Any]]) -> None:
    """What was told as a person's click is not edited silently: an event says so, at the click's time."""
    if not rows:
        return
    data = [{"event_id": str(row.id), **_named(row.data, "link", "url"), "machine": True} for row in rows]
    tx.execute(
        queries.INSERT_EVENTS,
        {
            "ids": [str(new_id()) for _ in rows],
            "accounts": [str(row.account_id) for row in rows],
            "emails": [str(row.email_id) for row in rows],
            "positions": [row.position for row in rows],
            "types": ["email.reclassified"] * len(rows),
            "moments": [row.occurred_at for row in rows],
            "data": [json.dumps(item) for item in data],
        },
    )


def _named(data: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: data[name] for name in names if name in data}


def _tell(
    tx: Connection, fresh: Sequence[Hit], verdicts: dict[UUID, Verdict], emails: dict[UUID, Row[Any]]
) -> None:
    """What campaigns and contacts keep of it."""
    ledger = {
        (emails[hit.email_id].campaign_id, emails[hit.email_id].contact_id, hit.email_id, hit.position)
        for hit in fresh
        if hit.position is not None and emails[hit.email_id].campaign_id and emails[hit.email_id].contact_id
    }
    if ledger:
        campaigns, contacts, ids, positions = zip(*sorted(ledger), strict=True)
        tx.execute(
            queries.COUNT_LEDGER,
            {
                "campaigns": list(map(str, campaigns)),
                "contacts": list(map(str, contacts)),
                "ids": list(map(str, ids)),
                "positions": list(positions),
            },
        )
    active: dict[tuple[str, str], datetime] = {}
    for hit in fresh:
        email = emails[hit.email_id]
        if email.contact_id and not verdicts[hit.id].machine:
            key = (str(email.account_id), str(email.contact_id))
            active[key] = max(hit.occurred_at, active.get(key, hit.occurred_at))
    if active:
        tx.execute(
            queries.NOTE_ACTIVITY,
            {
                "accounts": [account for account, _ in active],
                "contacts": [contact for _, contact in active],
                "moments": list(active.values()),
            },
        )


def _pairs(whose: Sequence[Whose]) -> dict[str, list[Any]]:
    return {
        "ids": [str(email_id) for email_id, _ in whose],
        "positions": [position for _, position in whose],
    }
