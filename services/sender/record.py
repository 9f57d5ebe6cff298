"""Outcomes → Postgres: emails, recipients, events and the next attempts, one transaction a chunk."""

from __future__ import annotations

import json
from collections import Counter as Counts
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection

from services.sender import queries
from services.sender.backoff import retry_delay
from services.sender.bounces import Bounced, suppress_bounced
from services.sender.counts import count_outcomes
from services.sender.jobs import Attempt
from services.sender.outcomes import Outcome
from shared import states
from shared.bounces import Judgement, classify
from shared.clock import now
from shared.contracts import SEND_BY_STREAM
from shared.db import by_key
from shared.ids import new_id_text
from shared.metrics import Counter
from shared.outbox import emit_all
from shared.settings import Settings

#: what the sender learns by simulation alone → what it would have learned before
_BEFORE = {states.DELIVERED: (states.SENT,), states.COMPLAINED: (states.SENT, states.DELIVERED)}
#: reply kept as the email's own `last_error` when an attempt did not reach everybody
_TROUBLED = (states.DEFERRED, states.UNKNOWN, states.BOUNCED, states.FAILED)
#: outcomes that a reply explains
_REFUSED = (states.DEFERRED, states.BOUNCED, states.FAILED)


_OUTCOMES = Counter("mailmatic_email_attempts_total", "Attempts by outcome.", ["stream", "status"])
_RETRIES = Counter("mailmatic_email_retries_total", "Attempts that were not an email's first.", ["stream"])


class Verdict(NamedTuple):
    """What is to be written of one email: its new status, when it is due again, and why."""

    attempt: Attempt
    account_id: UUID
    stream: str
    status: str
    due_at: datetime
    error: str | None


class _Event(NamedTuple):
    """What is told of one outcome."""

    id: str
    verdict: Verdict
    outcome: Outcome
    status: str


def decide(
    attempt: Attempt,
    *,
    account_id: UUID,
    stream: str,
    wanted_at: datetime,
    others: Iterable[str],
    moment: datetime,
    config: Settings,
) -> Verdict:
    """The verdict on one attempt.

    Args:
        attempt: what the relay said of each recipient that was served.
        account_id, stream, wanted_at: of the email; the retry horizon counts from the last.
        others: states of the recipients that this attempt did not serve.
        moment: now.
        config: retry and settle times.
    """
    if moment - wanted_at >= timedelta(seconds=config.retry_horizon_seconds):
        attempt = _give_up(attempt)
    statuses = [outcome.status for outcome in attempt.outcomes]
    status = states.email_status([*statuses, *others])
    wait = 0.0
    if status == states.UNKNOWN:
        wait = config.unknown_settle_seconds
    elif status == states.DEFERRED:
        wait = retry_delay(attempt.attempt, base=config.retry_base_seconds, cap=config.retry_max_seconds)
    error = next((words for item in attempt.outcomes if (words := _trouble(item))), None)
    return Verdict(attempt, account_id, stream, status, moment + timedelta(seconds=wait), error)


def record(tx: Connection, verdicts: Sequence[Verdict]) -> set[str]:
    """Writes `verdicts` and emits the next attempts; returns the ids whose claim was still ours."""
    if not verdicts:
        return set()
    by_key(tx)
    campaign_of = {
        row.id: row.campaign_id
        for row in queries.RECORD_EMAILS.execute(
            tx,
            {
                "ids": [item.attempt.email_id for item in verdicts],
                "attempts": [item.attempt.attempt for item in verdicts],
                "statuses": [item.status for item in verdicts],
                "due_at": [item.due_at for item in verdicts],
                "errors": [item.error for item in verdicts],
            },
        )
    }
    kept = [item for item in verdicts if item.attempt.email_id in campaign_of]
    for (stream, status), emails in Counts((item.stream, item.status) for item in kept).items():
        _OUTCOMES.labels(stream, status).inc(emails)
    for stream, emails in Counts(item.stream for item in kept if item.attempt.attempt > 1).items():
        _RETRIES.labels(stream).inc(emails)
    count_outcomes(tx, ((campaign_of[item.attempt.email_id], item.status) for item in kept))
    _record_recipients(tx, kept)
    emit_all(
        tx,
        [
            (SEND_BY_STREAM[item.stream]((item.attempt.email_id,)), item.due_at)
            for item in kept
            if item.status in states.UNFINISHED
        ],
    )
    return set(campaign_of)


def _record_recipients(tx: Connection, verdicts: Sequence[Verdict]) -> None:
    rows = [(item, outcome) for item in verdicts for outcome in item.attempt.outcomes]
    if not rows:
        return
    meanings = [_meaning(outcome) for _, outcome in rows]
    queries.RECORD_RECIPIENTS.execute(
        tx,
        {
            "ids": [item.attempt.email_id for item, _ in rows],
            "positions": [outcome.position for _, outcome in rows],
            "statuses": [outcome.status for _, outcome in rows],
            "codes": [outcome.reply.code if outcome.reply else None for _, outcome in rows],
            "replies": [str(outcome.reply) if outcome.reply else None for _, outcome in rows],
            "relays": [item.attempt.relay for item, _ in rows],
            "classes": [meaning.kind if meaning else None for meaning in meanings],
            "reasons": [meaning.reason if meaning else None for meaning in meanings],
        },
    )
    events_before = [
        _event(item, outcome, status) for item, outcome in rows for status in _BEFORE.get(outcome.status, ())
    ]
    told = [_event(item, outcome, outcome.status) for item, outcome in rows]
    _add_events(tx, [*events_before, *told])
    suppress_bounced(
        tx,
        [
            Bounced(item.attempt.email_id, outcome.position, event.id, outcome.suppression)
            for event, (item, outcome) in zip(told, rows, strict=True)
            if outcome.status == states.BOUNCED and outcome.suppression
        ],
    )


def _add_events(tx: Connection, found: Sequence[_Event]) -> None:
    queries.ADD_EVENTS.execute(
        tx,
        {
            "ids": [event.id for event in found],
            "account_ids": [str(event.verdict.account_id) for event in found],
            "email_ids": [event.verdict.attempt.email_id for event in found],
            "positions": [event.outcome.position for event in found],
            "types": [f"email.{event.status}" for event in found],
            "data": [json.dumps(_event_data(event.verdict, event.outcome)) for event in found],
            "moment": now(),
        },
    )


def _event(verdict: Verdict, outcome: Outcome, status: str) -> _Event:
    return _Event(new_id_text(), verdict, outcome, status)


def _trouble(outcome: Outcome) -> str | None:
    """What an email says of an outcome that reached nobody."""
    if outcome.status == states.SUPPRESSED:
        return f"A recipient was suppressed before the email was sent ({outcome.suppression})."
    return str(outcome.reply) if outcome.status in _TROUBLED and outcome.reply else None


def _event_data(verdict: Verdict, outcome: Outcome) -> dict[str, object]:
    data: dict[str, object] = {"attempt": verdict.attempt.attempt, "relay": verdict.attempt.relay}
    if outcome.reply:
        data["reply"] = str(outcome.reply)
    meaning = _meaning(outcome)
    if meaning:
        data["bounce"] = {"class": meaning.kind, "reason": meaning.reason}
    if outcome.suppression:
        data["suppression"] = outcome.suppression
    if verdict.status in states.UNFINISHED and outcome.status in states.UNFINISHED:
        data["next_attempt_at"] = verdict.due_at.isoformat()
    return data


def _meaning(outcome: Outcome) -> Judgement | None:
    """What a refusal means; None where nobody refused."""
    if outcome.status not in _REFUSED or outcome.reply is None:
        return None
    return classify(outcome.reply.text, code=outcome.reply.code)


def _give_up(attempt: Attempt) -> Attempt:
    """Past the horizon a deferral is final."""
    outcomes = [
        Outcome(item.position, states.FAILED, item.reply) if item.status == states.DEFERRED else item
        for item in attempt.outcomes
    ]
    return Attempt(attempt.email_id, attempt.attempt, attempt.relay, outcomes)
