"""Delivery reports → what they change: recipients and emails climb, events are told, addresses suppressed.

One transaction a batch. A report changes nothing that it is too late for (shared.states), so repeats and any
order do no harm. What is about an email that a sender holds at this moment comes again a little later: what
the sender records must come first. What is about no email of ours is kept, marked `unmatched`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, insert

from services.webhooks import queries
from services.webhooks.matching import Recipient, Report, addressed, candidates
from services.webhooks.soft_bounces import worn_out
from shared import states
from shared.bounces import HARD, SOFT, Judgement, basic_of, classify
from shared.clock import now, parse_moment
from shared.contracts import ApplyReports
from shared.ids import new_id
from shared.models import events
from shared.outbox import emit_all
from shared.suppressions import COMPLAINT, HARD_BOUNCE, Suppression, suppress

#: What a report says → the state that its recipient climbs to.
_STATE = {
    "delivered": states.DELIVERED,
    "bounce": states.BOUNCED,
    "expired": states.FAILED,
    "complaint": states.COMPLAINED,
    # the MTA has it and goes on trying: sent, as far as the sender is concerned
    "deferred": states.SENT,
}
_RANK = {state: rank for rank, state in enumerate(states.LADDER)}
#: How long a report waits for the sender that holds its email (seconds).
_WAIT = 1.0


@dataclass
class Changes:
    """What a batch comes to."""

    outcomes: dict[UUID, tuple[str, UUID | None]] = field(default_factory=dict)
    recipients: dict[tuple[UUID, int], dict[str, Any]] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    suppressions: list[Suppression] = field(default_factory=list)
    #: recipients that bounced softly, and the event that says so
    soft: list[tuple[Recipient, UUID]] = field(default_factory=list)


def apply(tx: Connection, ids: Sequence[str]) -> int:
    """Applies the reports among `ids` that wait; returns how many are done."""
    rows = tx.execute(queries.TAKE_REPORTS, {"ids": list(ids)}).all()
    reports = [Report(row.id, row.source, row.report, row.received_at) for row in rows]
    if not reports:
        return 0
    about = candidates(tx, reports)
    wanted = {id for emails in about.values() for id in emails}
    locked = {row.id for row in tx.execute(queries.LOCK_EMAILS, {"ids": [str(id) for id in wanted]})}
    tx.execute(queries.LOCK_RECIPIENTS, {"ids": [str(id) for id in locked]})
    recipients = _recipients(tx, wanted)
    changes, held = Changes(), []
    for report in sorted(reports, key=_moment):
        found = addressed(report, about[report.id], recipients)
        if found is None:
            changes.outcomes[report.id] = ("unmatched", None)
        elif found.email_id not in locked:
            held.append(report)
        else:
            _judge(report, found, changes)
    _write(tx, changes, recipients)
    _postpone(tx, held)
    return len(changes.outcomes)


def _judge(report: Report, recipient: Recipient, changes: Changes) -> None:
    said, event = report.said, report.said["event"]
    before, new = recipient.status, _STATE[event]
    still_trying = event == "deferred" and _RANK[before] <= _RANK[states.SENT]
    if not (still_trying or states.climbs(before, new)):
        changes.outcomes[report.id] = ("repeated", recipient.email_id)
        return
    changes.outcomes[report.id] = ("applied", recipient.email_id)
    reply = said.get("reason")
    meaning = (
        classify(reply or "", enhanced=said.get("dsn")) if event not in ("delivered", "complaint") else None
    )
    if _RANK[before] < _RANK[states.SENT] < _RANK[new]:
        changes.events.append(_event(report, recipient, "email.sent", None))
    kind = "email.deferred" if event == "deferred" else f"email.{new}"
    told = _event(report, recipient, kind, meaning)
    changes.events.append(told)
    recipient.status = new
    changes.recipients[recipient.email_id, recipient.position] = {
        "status": new,
        "code": basic_of(reply or ""),
        "reply": reply,
        "relay": said.get("relay"),
        "class": meaning.kind if meaning else None,
        "reason": meaning.reason if meaning else None,
    }
    if event == "complaint":
        _suppress(changes, recipient, COMPLAINT, report.source, told["id"])
    elif event == "bounce" and meaning and meaning.kind == HARD:
        _suppress(changes, recipient, HARD_BOUNCE, report.source, told["id"])
    elif event in ("bounce", "expired") and meaning and meaning.kind == SOFT:
        changes.soft.append((recipient, told["id"]))


def _suppress(changes: Changes, recipient: Recipient, reason: str, source: str, event_id: UUID) -> None:
    changes.suppressions.append(
        Suppression(recipient.account_id, recipient.address, reason, source, recipient.email_id, event_id)
    )


def _event(report: Report, recipient: Recipient, kind: str, meaning: Judgement | None) -> dict[str, Any]:
    names = ("dsn", "relay", "queue_id", "delay", "delays", "feedback_type")
    data = {name: report.said[name] for name in names if report.said.get(name) is not None}
    if report.said.get("reason"):
        data["reply"] = report.said["reason"]
    moment = _moment(report)
    if meaning:
        data["bounce"] = {"class": meaning.kind, "reason": meaning.reason}
    return {
        "id": new_id(),
        "account_id": recipient.account_id,
        "email_id": recipient.email_id,
        "position": recipient.position,
        "type": kind,
        "source": report.source,
        # the MTA may be done before the sender has written that it took the email: told in that order
        "occurred_at": moment if moment > recipient.updated_at else now(),
        "data": data,
    }


def _moment(report: Report) -> datetime:
    given = report.said.get("occurred_at")
    return parse_moment(given) if given else report.received_at


def _recipients(tx: Connection, emails: set[UUID]) -> dict[UUID, list[Recipient]]:
    rows: dict[UUID, list[Recipient]] = defaultdict(list)
    for row in tx.execute(queries.RECIPIENTS, {"ids": [str(id) for id in emails]}):
        rows[row.email_id].append(
            Recipient(row.email_id, row.position, row.account_id, row.address, row.status, row.updated_at)
        )
    return rows


def _write(tx: Connection, changes: Changes, recipients: dict[UUID, list[Recipient]]) -> None:
    if changes.recipients:
        _write_states(tx, changes, recipients)
        tx.execute(insert(events), changes.events)
        for recipient, event_id in worn_out(tx, changes.soft):
            _suppress(changes, recipient, HARD_BOUNCE, "soft_bounces", event_id)
        suppress(tx, *changes.suppressions)
    if changes.outcomes:
        done = list(changes.outcomes.items())
        tx.execute(
            queries.FINISH_REPORTS,
            {
                "ids": [str(id) for id, _ in done],
                "outcomes": [outcome for _, (outcome, _) in done],
                "email_ids": [email_id and str(email_id) for _, (_, email_id) in done],
            },
        )


def _write_states(tx: Connection, changes: Changes, recipients: dict[UUID, list[Recipient]]) -> None:
    keys = sorted(changes.recipients)
    new = [changes.recipients[key] for key in keys]
    tx.execute(
        queries.CHANGE_RECIPIENTS,
        {
            "ids": [str(email_id) for email_id, _ in keys],
            "positions": [position for _, position in keys],
            "statuses": [item["status"] for item in new],
            "codes": [item["code"] for item in new],
            "replies": [item["reply"] for item in new],
            "relays": [item["relay"] for item in new],
            "classes": [item["class"] for item in new],
            "reasons": [item["reason"] for item in new],
        },
    )
    # what a delivery said is no error
    errors = {key[0]: item["reply"] for key, item in changes.recipients.items() if item["class"]}
    changed = sorted({email_id for email_id, _ in keys})
    tx.execute(
        queries.CHANGE_EMAILS,
        {
            "ids": [str(id) for id in changed],
            "statuses": [states.email_status(item.status for item in recipients[id]) for id in changed],
            "errors": [errors.get(id) for id in changed],
        },
    )


def _postpone(tx: Connection, held: Sequence[Report]) -> None:
    if not held:
        return
    due_at, ids = now() + timedelta(seconds=_WAIT), [str(report.id) for report in held]
    tx.execute(queries.POSTPONE_REPORTS, {"due_at": due_at, "ids": ids})
    emit_all(tx, [(chunk, due_at) for chunk in ApplyReports.chunked(ids)])
