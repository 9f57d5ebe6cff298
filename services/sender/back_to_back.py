"""What of a chunk is alike enough to go out back to back: a campaign's emails, each to one reader."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from services.sender.envelopes import envelope_of
from services.sender.headers import HeaderInjection
from services.sender.jobs import Attempt, Job
from services.sender.journal import Journal
from services.sender.outcomes import Outcome, Reply, for_all
from services.sender.relay_pool import RelayPool
from services.sender.skeleton import Draft, Skeleton
from services.sender.smtp import RelayTrouble
from services.sender.transaction import Envelope, Item, breaks_out
from shared import states
from shared.observability import get_logger
from shared.templates import TemplateError

log = get_logger("sender")

#: How often a chunk is taken up again after its connection broke, before each email goes out on its own.
_TRIES = 2
#: How many are drafted before they are signed and sent, and how much of their contents (characters).
_MOST, _MOST_CHARACTERS = 50, 1024 * 1024


def fits(job: Job) -> bool:
    """Whether a job may go out back to back with others."""
    content = job.content
    return (
        job.stream == "bulk"
        and not job.test
        and len(job.recipients) == 1
        and job.recipients[0].open
        and job.recipients[0].kind == "to"
        and not content.attachments
        and content.raw is None
        and job.recipients[0].address.isascii()
        and job.sender[1].isascii()
        and not breaks_out(job.recipients[0].address)
        and not breaks_out(job.sender[1])
    )


class BackToBack:
    """One chunk's emails on their way."""

    def __init__(
        self, jobs: Sequence[Job], pool: RelayPool, journal: Journal, begin: Callable[[Job], None]
    ) -> None:
        """`begin` is called before a body is sent; what it raises ends the hand-over and passes through."""
        self._left = {job.email_id: job for job in jobs}
        self._pool = pool
        self._journal = journal
        self._begin = begin
        self._under_way: dict[int, Job] = {}
        self._skeleton: Skeleton | None = None
        self.attempts: list[Attempt] = []

    @property
    def left(self) -> list[Job]:
        """Those nothing came of yet."""
        return list(self._left.values())

    def go(self) -> None:
        """Attempts them, as far as connections carry: what is left is to be attempted on its own."""
        for _ in range(_TRIES):
            if not self._left:
                return
            try:
                if not self._pool.burst(self._items, self._begun, self._ended):
                    return
            except RelayTrouble as trouble:
                log.warning("sender.burst_broken", reason=str(trouble), left=len(self._left))

    def _items(self) -> Iterator[Item]:
        self._under_way.clear()
        for batch in _batches(self.left):
            for job, draft in self._drafts(batch):
                message = draft.signed()
                if not message.isascii():
                    continue  # on its own: the relay may have to be asked for more
                envelope = envelope_of(job, job.recipients)
                self._under_way[id(envelope)] = job  # two may go to one address
                yield Item(envelope, message)

    def _drafts(self, jobs: Sequence[Job]) -> list[tuple[Job, Draft]]:
        made = []
        for job in jobs:
            try:
                if self._skeleton is None or not self._skeleton.fits(job):
                    self._skeleton = Skeleton(job)
                made.append((job, self._skeleton.draft(job)))
            except (HeaderInjection, TemplateError) as error:
                self._settle(
                    job, None, for_all([job.recipients[0].position], states.FAILED, Reply(554, str(error)))
                )
        return made

    def _begun(self, envelope: Envelope) -> None:
        self._begin(self._under_way[id(envelope)])

    def _ended(self, relay: str, envelope: Envelope, outcomes: list[Outcome]) -> None:
        self._settle(self._under_way.pop(id(envelope)), relay, outcomes)

    def _settle(self, job: Job, relay: str | None, outcomes: list[Outcome]) -> None:
        attempt = Attempt(job.email_id, job.attempt, relay, outcomes)
        self._journal.finished(attempt)
        self.attempts.append(attempt)
        del self._left[job.email_id]
        for outcome in outcomes:
            # what was taken is an event in Postgres, and a line a mail would cost as much as a signature
            if outcome.status != states.SENT:
                log.info(
                    f"email.{outcome.status}",
                    email_id=job.email_id,
                    attempt=job.attempt,
                    relay=relay,
                    reply=str(outcome.reply) if outcome.reply else None,
                )


def _batches(jobs: Sequence[Job]) -> Iterator[Sequence[Job]]:
    """`jobs` in parts that fit into memory together."""
    start = 0
    while start < len(jobs):
        content = jobs[start].content
        one = len(content.html or "") + len(content.text or "")
        end = start + max(1, min(_MOST, _MOST_CHARACTERS // max(1, one)))
        yield jobs[start:end]
        start = end
