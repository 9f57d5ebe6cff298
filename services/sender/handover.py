"""A chunk of jobs → the relay, back to back or one after the other, with every step in the journal."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from services.sender import simulator
from services.sender.back_to_back import BackToBack, fits
from services.sender.envelopes import envelope_of, signed
from services.sender.files import FileMissing, Files
from services.sender.headers import HeaderInjection
from services.sender.jobs import Attempt, Job
from services.sender.journal import Journal
from services.sender.outcomes import Outcome, Reply, for_all
from services.sender.relay_pool import RelayPool
from services.sender.render import Data, render
from services.sender.seven_bit import CantConvert, seven_bit
from services.sender.smtp import NeedsSevenBit, RelayTrouble
from shared import states
from shared.observability import get_logger, request_scope
from shared.templates import TemplateError

log = get_logger("sender")


class _GivenBack(Exception):
    """Time was up before the body went out: nobody has seen this message."""


def hand_over(
    jobs: list[Job],
    pool: RelayPool,
    journal: Journal,
    files: Files,
    *,
    give_back_when: Callable[[], bool],
) -> tuple[list[Attempt], list[tuple[str, int]]]:
    """Attempts every job until `give_back_when` says that time is up.

    It is asked again right before each body: however slow a relay is, no message goes out under a lease that
    may have passed to another sender meanwhile.

    Returns:
        The attempts, and the (email id, attempt) pairs that were not begun.
    """

    def begin(job: Job) -> None:
        if give_back_when():
            raise _GivenBack
        journal.started(job.email_id)

    fitting: list[Job] = []
    left: list[Job] = []
    for job in jobs:
        (fitting if fits(job) else left).append(job)
    alike = BackToBack(fitting, pool, journal, begin)
    attempts = alike.attempts
    try:
        alike.go()
        left += alike.left
        while left:
            if give_back_when():
                raise _GivenBack
            attempt = attempt_one(left[0], pool, files, begin)
            journal.finished(attempt)
            attempts.append(attempt)
            del left[0]
    except _GivenBack:
        ended = {attempt.email_id for attempt in attempts}
        return attempts, [(job.email_id, job.attempt) for job in jobs if job.email_id not in ended]
    return attempts, []


def attempt_one(job: Job, pool: RelayPool, files: Files, begin: Callable[[Job], None]) -> Attempt:
    """One email to one relay: every way it can go is an outcome, none an exception but `_GivenBack`."""
    with request_scope(job.request_id):
        started = time.perf_counter()
        relay, outcomes = _deliver(job, pool, files, partial(begin, job))
        outcomes = outcomes + _suppressed(job)
        spent_ms = round((time.perf_counter() - started) * 1000, 1)
        for outcome in outcomes:
            log.info(
                f"email.{outcome.status}",
                email_id=job.email_id,
                position=outcome.position,
                attempt=job.attempt,
                relay=relay,
                reply=str(outcome.reply) if outcome.reply else None,
                ms=spent_ms,
            )
    return Attempt(job.email_id, job.attempt, relay, outcomes)


def _suppressed(job: Job) -> list[Outcome]:
    """The outcomes of those whom the account may not write to any more."""
    return [
        Outcome(item.position, states.SUPPRESSED, None, item.suppression)
        for item in job.recipients
        if item.suppression
    ]


def _deliver(
    job: Job, pool: RelayPool, files: Files, begin: Callable[[], None]
) -> tuple[str | None, list[Outcome]]:
    served = [item for item in job.recipients if item.open]
    if not served:
        return None, []
    positions = [item.position for item in served]
    envelope = envelope_of(job, served)
    try:
        message = render(job, _files(job, files))
        if job.test:
            return simulator.RELAY, simulator.simulate(served, job.attempt)
        try:
            relay, outcomes = pool.deliver(envelope, signed(job, message), begin)
        except NeedsSevenBit:
            relay, outcomes = pool.deliver(envelope, signed(job, seven_bit(message)), begin)
    except (CantConvert, NeedsSevenBit) as error:
        return None, for_all(positions, states.FAILED, Reply(554, f"5.6.3 {error}"))
    except (HeaderInjection, TemplateError, FileMissing) as error:
        return None, for_all(positions, states.FAILED, Reply(554, str(error)))
    except RelayTrouble as trouble:
        return None, for_all(positions, states.DEFERRED, Reply(451, str(trouble)))
    return str(relay), outcomes


def _files(job: Job, files: Files) -> Data:
    needed = [job.content.raw] if job.content.raw else job.content.attachments
    return files.of(needed) if needed else {}
