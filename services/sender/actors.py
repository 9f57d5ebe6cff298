"""What the sender does with a nudge: claim → render → hand over → record. No transaction spans the wire."""

from __future__ import annotations

import threading
import time
from datetime import datetime
from functools import cache
from pathlib import Path
from uuid import UUID

from services.sender.campaign_watch import CampaignWatch
from services.sender.claim import claim, release
from services.sender.files import Files, read_file
from services.sender.handover import hand_over
from services.sender.jobs import Attempt, Job
from services.sender.journal import Journal
from services.sender.record import Verdict, decide, record
from services.sender.relay_pool import RelayPool
from services.sender.relays import parse_relay
from shared.broker import consumes
from shared.clock import now
from shared.contracts import EmailIds, SendBulkEmails, SendEmails
from shared.db import transaction
from shared.observability import get_logger
from shared.settings import Settings, settings

log = get_logger("sender")

#: Set when the worker is told to stop: emails not begun are given back.
stopping = threading.Event()
_of_thread = threading.local()


@consumes(SendEmails)
def send_emails(message: SendEmails) -> None:
    """Transactional emails."""
    send(message)


@consumes(SendBulkEmails)
def send_bulk_emails(message: SendBulkEmails) -> None:
    """Campaign emails."""
    send(message)


def send(message: EmailIds) -> None:
    """Everything that one chunk needs, from claim to recorded outcomes."""
    config = settings()
    with transaction() as tx:
        jobs = claim(tx, message.ids, config.lease_seconds)
    if not jobs:
        return
    # half the lease: what is not begun by then goes back, so a slow relay never outlives a claim
    deadline = time.monotonic() + config.lease_seconds / 2
    watch = CampaignWatch({job.campaign_id for job in jobs if job.campaign_id})
    journal = _journal()
    try:
        journal.begin([(job.email_id, job.attempt) for job in jobs])
        attempts, untouched = hand_over(
            jobs,
            relay_pool(),
            journal,
            Files(_file),
            give_back_when=lambda: stopping.is_set() or time.monotonic() > deadline or watch.halted(),
        )
        by_id = {job.email_id: job for job in jobs}
        moment = now()
        verdicts = [_verdict(by_id[attempt.email_id], attempt, moment, config) for attempt in attempts]
        with transaction() as tx:
            held = record(tx, verdicts)
            release(tx, untouched)
    except BaseException:
        journal.abandon()
        del _of_thread.journal
        raise
    journal.clear()
    if len(held) < len(attempts):
        log.warning("sender.lease_lost", emails=len(attempts) - len(held))


def journal_directory() -> Path:
    """Where this host's senders keep their journals."""
    return settings().state_dir / "sender"


def _journal() -> Journal:
    """This thread's."""
    if not hasattr(_of_thread, "journal"):
        _of_thread.journal = Journal(journal_directory())
    journal: Journal = _of_thread.journal
    return journal


@cache
def relay_pool() -> RelayPool:
    """This process's connections to the relays."""
    config = settings()
    return RelayPool(
        [parse_relay(url) for url in config.relays],
        hostname=config.hostname,
        timeout=config.smtp_timeout_seconds,
        cooldown=config.relay_cooldown_seconds,
    )


def _file(id: UUID, size: int) -> bytearray:
    with transaction() as tx:
        return read_file(tx, id, size)


def _verdict(job: Job, attempt: Attempt, moment: datetime, config: Settings) -> Verdict:
    return decide(
        attempt,
        account_id=job.account_id,
        stream=job.stream,
        wanted_at=job.wanted_at,
        others=[item.status for item in job.recipients if not item.open and not item.suppression],
        moment=moment,
        config=config,
    )
