"""What journals say that Postgres has not been told yet → Postgres.

A journal is left by a sender that was killed, and by one that lives but found Postgres away when it came to
record. Both are settled as soon as Postgres answers: otherwise the lease on those emails would run out, and
all of them would be sent again.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from pathlib import Path

from sqlalchemy import Connection

from services.sender import queries
from services.sender.claim import release
from services.sender.jobs import Attempt
from services.sender.journal import Remains, adopt
from services.sender.outcomes import Outcome, Reply
from services.sender.record import Verdict, decide, record
from shared import states
from shared.clock import now
from shared.db import DatabaseUnavailable, by_key, transaction
from shared.observability import get_logger
from shared.settings import Settings

log = get_logger("sender")

_LOST = Reply(0, "the sender was killed before the reply to the message came")


#: How often to look for journals that nobody holds (seconds); far below any lease.
_PAUSE = 1.0


def start_recovering(directory: Path, config: Settings) -> None:
    """Recovers what is there, before the first new claim, and goes on from a daemon thread."""
    _recover_if_possible(directory, config)

    def go_on() -> None:
        while True:
            time.sleep(_PAUSE)
            _recover_if_possible(directory, config)

    threading.Thread(target=go_on, name="recovery", daemon=True).start()


def _recover_if_possible(directory: Path, config: Settings) -> None:
    try:
        recover(directory, config)
    except DatabaseUnavailable as error:
        log.warning("sender.recovery_waits", reason=str(error).splitlines()[0])
    except Exception:  # whatever is wrong with one journal, the others' turn comes again
        log.exception("sender.recovery_failed")


def recover(directory: Path, config: Settings) -> None:
    """Records what was finished, marks what was in flight as unknown and gives back what was not begun."""
    for remains in adopt(directory):
        with transaction() as tx:
            verdicts = _verdicts(tx, remains, config)
            held = record(tx, verdicts)
            release(tx, remains.untouched)
        log.warning(
            "sender.recovered",
            finished=len(remains.finished),
            in_flight=len(remains.in_flight),
            given_back=len(remains.untouched),
            recorded=len(held),
        )


def _verdicts(tx: Connection, remains: Remains, config: Settings) -> list[Verdict]:
    by_key(tx)
    ids = list(remains.claimed)
    recipients: dict[str, dict[int, str]] = defaultdict(dict)
    for row in queries.RECIPIENTS.execute(tx, {"ids": ids}):
        recipients[row.email_id][row.position] = row.status
    verdicts = []
    moment = now()
    for row in tx.execute(queries.CLAIMED, {"ids": ids}):
        attempt = remains.finished.get(row.id)
        if attempt is None and row.id in remains.started:
            attempt = _in_flight(row.id, remains.claimed[row.id], recipients[row.id])
        if attempt is None:
            continue
        served = {outcome.position for outcome in attempt.outcomes}
        verdicts.append(
            decide(
                attempt,
                account_id=row.account_id,
                stream=row.stream,
                wanted_at=row.wanted_at,
                others=[status for position, status in recipients[row.id].items() if position not in served],
                moment=moment,
                config=config,
            )
        )
    return verdicts


def _in_flight(email_id: str, attempt: int, recipients: dict[int, str]) -> Attempt:
    outcomes = [
        Outcome(position, states.UNKNOWN, _LOST)
        for position, status in recipients.items()
        if status in states.PENDING
    ]
    return Attempt(email_id, attempt, None, outcomes)
