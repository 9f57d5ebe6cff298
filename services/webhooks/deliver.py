"""What an endpoint is owed: claimed for a while, posted, recorded. No transaction spans the wire.

Deliveries of one endpoint go one after another over one connection, several runs at once while it is well. A
run ends at the first failure: from then on the endpoint is served from a queue of its own kind, one delivery
at a time and with growing pauses, until one arrives. So a dead endpoint costs one thread one time-out, and
nobody else waits for it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from services.webhooks import queries
from services.webhooks.backoff import next_attempt, pause
from services.webhooks.disabling import FAILING, GONE, disable
from services.webhooks.post import Answer, Poster
from services.webhooks.sign import headers
from shared.clock import now
from shared.contracts import Contract, DeliverWebhooks, RetryWebhooks
from shared.db import transaction
from shared.metrics import Counter, Histogram
from shared.observability import get_logger
from shared.outbox import emit, emit_all
from shared.settings import settings
from shared.webhook_secrets import decrypted

log = get_logger("webhooks")

ATTEMPTS = Counter("mailmatic_webhook_attempts_total", "Attempts to deliver webhooks.", ["outcome"])
SECONDS = Histogram("mailmatic_webhook_attempt_seconds", "How long endpoints took to answer.")

#: Deliveries of one run, and of all runs of one endpoint at once.
_BATCH, _MOST = 20, 80
_AGENT = "Mailmatic-Webhooks/1"


@dataclass(frozen=True)
class Claimed:
    """A delivery that is ours for the length of a lease; `attempt` is its fencing token."""

    id: UUID
    webhook_id: str
    body: bytes
    attempt: int


@dataclass(frozen=True)
class Run:
    """What one run is to do for one endpoint."""

    endpoint_id: UUID
    url: str
    secrets: tuple[bytes, ...]
    #: failures in a row until now
    failures: int
    deliveries: tuple[Claimed, ...]
    full: bool


def deliver(endpoint_id: str, *, slow: bool) -> None:
    """One run for an endpoint; `slow`: out of the queue of those that fail."""
    with transaction() as tx:
        run = claim(tx, endpoint_id, slow=slow)
    if run is None:
        return
    answers = attempt(run)
    with transaction() as tx:
        record(tx, run, answers)


def nudge(endpoint_id: UUID, *, failing: bool) -> Contract:
    """The message that has an endpoint served."""
    return (RetryWebhooks if failing else DeliverWebhooks)(str(endpoint_id))


def claim(tx: Connection, endpoint_id: str, *, slow: bool) -> Run | None:
    """Deliveries that are due; None where there are none, or not now, or not for this queue."""
    endpoint = tx.execute(queries.LOCK_ENDPOINT, {"id": endpoint_id}).one_or_none()
    if endpoint is None or not endpoint.active:
        return None
    if endpoint.paused_until and endpoint.paused_until > now():
        return None  # what paused it has said when to go on
    failing = endpoint.failures > 0
    if failing and not slow:
        emit(tx, nudge(endpoint.id, failing=True))
        return None
    proven = endpoint.last_success_at is not None and not failing
    if endpoint.under_way >= (_MOST if proven else 1):
        return None  # whoever has them goes on with the rest
    batch = 1 if failing else _BATCH
    values = {"endpoint": endpoint_id, "batch": batch, "lease": _lease()}
    rows = tx.execute(queries.CLAIM_DELIVERIES, values).all()
    if not rows:
        return None
    claimed = tuple(Claimed(row.id, row.webhook_id, row.body.encode(), row.attempts) for row in sorted(rows))
    return Run(endpoint.id, endpoint.url, _secrets(endpoint), endpoint.failures, claimed, len(rows) == batch)


def attempt(run: Run) -> list[Answer]:
    """The answers to the first of the run's deliveries, up to and including the first failure."""
    poster = Poster(run.url, settings().webhook_timeout_seconds)
    until = time.monotonic() + _lease() / 2
    answers: list[Answer] = []
    try:
        for item in run.deliveries:
            stamp = int(time.time())
            signed = headers(run.secrets, item.webhook_id, stamp, item.body)
            answer = poster.post(
                item.body, {"Content-Type": "application/json", "User-Agent": _AGENT, **signed}
            )
            answers.append(answer)
            ATTEMPTS.labels("ok" if answer.ok else "failed").inc()
            SECONDS.observe(answer.duration_ms / 1000)
            if not answer.ok or time.monotonic() > until:
                break
    finally:
        poster.close()
    return answers


def record(tx: Connection, run: Run, answers: Sequence[Answer]) -> None:
    """Writes what became of each delivery, and of the endpoint's standing; says when to go on."""
    moment = now()
    rows = [_outcome(item, answer, moment) for item, answer in zip(run.deliveries, answers, strict=False)]
    rows += [_given_back(item, moment) for item in run.deliveries[len(answers) :]]
    tx.execute(
        queries.RECORD_DELIVERIES,
        {
            "ids": [row["id"] for row in rows],
            "claims": [row["claim"] for row in rows],
            "statuses": [row["status"] for row in rows],
            "attempts": [row["attempts"] for row in rows],
            "due_at": [row["due_at"] for row in rows],
        },
    )
    _note_attempts(tx, run, answers)
    last = answers[-1]
    any_ok = any(answer.ok for answer in answers)
    failures = 0 if last.ok else (0 if any_ok else run.failures) + 1
    wait = pause(failures, last.retry_after) if failures else 0.0
    paused_until = moment + timedelta(seconds=wait) if wait else None
    endpoint = tx.execute(
        queries.CHANGE_STANDING,
        {
            "id": str(run.endpoint_id),
            "ok": any_ok,
            "failures": int(not last.ok),
            "paused_until": paused_until,
        },
    ).one_or_none()
    if endpoint is None:
        return
    if last.gone:
        disable(tx, run.endpoint_id, GONE)
        return
    patience = timedelta(seconds=settings().webhook_disable_seconds)
    if endpoint.failing_since and moment - endpoint.failing_since > patience:
        disable(tx, run.endpoint_id, FAILING)
        return
    _go_on(tx, run, rows, failures, paused_until)


def _go_on(
    tx: Connection, run: Run, rows: Sequence[dict[str, Any]], failures: int, paused_until: datetime | None
) -> None:
    said: list[tuple[Contract, datetime | None]] = []
    if run.full or failures:
        said.append((nudge(run.endpoint_id, failing=failures > 0), paused_until))
    later = [row["due_at"] for row in rows if row["status"] == "pending" and row["attempts"] == row["claim"]]
    said += [(nudge(run.endpoint_id, failing=True), due_at) for due_at in later]
    emit_all(tx, said)


def _outcome(item: Claimed, answer: Answer, moment: datetime) -> dict[str, Any]:
    wait = None if answer.ok or answer.gone else next_attempt(item.attempt, answer.retry_after)
    status = "delivered" if answer.ok else "failed" if wait is None else "pending"
    due_at = None if wait is None else moment + timedelta(seconds=wait)
    return {
        "id": str(item.id),
        "claim": item.attempt,
        "status": status,
        "attempts": item.attempt,
        "due_at": due_at,
    }


def _given_back(item: Claimed, moment: datetime) -> dict[str, Any]:
    return {
        "id": str(item.id),
        "claim": item.attempt,
        "status": "pending",
        "attempts": item.attempt - 1,
        "due_at": moment,
    }


def _note_attempts(tx: Connection, run: Run, answers: Sequence[Answer]) -> None:
    tried = list(zip(run.deliveries, answers, strict=False))
    tx.execute(
        queries.INSERT_ATTEMPTS,
        {
            "url": run.url,
            "ids": [str(item.id) for item, _ in tried],
            "numbers": [item.attempt for item, _ in tried],
            "at": [answer.at for _, answer in tried],
            "durations": [answer.duration_ms for _, answer in tried],
            "statuses": [answer.status for _, answer in tried],
            "responses": [answer.response for _, answer in tried],
            "errors": [answer.error for _, answer in tried],
        },
    )


def _lease() -> float:
    """Seconds: twice as long as a run that keeps its half may need."""
    return 4 * settings().webhook_timeout_seconds


def _secrets(endpoint: Any) -> tuple[bytes, ...]:
    newest = decrypted(endpoint.secret_key_id, endpoint.secret)
    ends = endpoint.previous_secret_expires_at
    if endpoint.previous_secret is None or ends is None or ends <= now():
        return (newest,)
    return newest, decrypted(endpoint.previous_secret_key_id, endpoint.previous_secret)
