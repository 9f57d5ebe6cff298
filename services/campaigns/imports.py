"""Imports of contacts as the campaigns worker does them: step by step, to the end or until it must stop."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from uuid import UUID

from sqlalchemy.exc import DataError, IntegrityError

from shared.contact_import.load import claim, fail, load, release
from shared.contracts import LoadContacts
from shared.db import transaction
from shared.observability import get_logger
from shared.outbox import emit
from shared.settings import settings

log = get_logger("imports")

#: How long one nudge may take (seconds): RabbitMQ waits half an hour for a consumer.
_LONGEST = 300.0


def work_on(id: UUID, stop: threading.Event) -> None:
    """Takes an import on and loads it; what is left when time is up, or at a stop, is nudged again."""
    config = settings()
    with transaction() as tx:
        claimed = claim(tx, id, config.import_lease_seconds)
    if claimed is None:
        return
    ends = time.monotonic() + _LONGEST
    stopped = False
    try:
        with closing(load(claimed, config.import_step_rows, config.import_lease_seconds)) as steps:
            for ours in steps:
                if not ours:
                    log.info("import.left", id=str(id))
                    return
                if stopped := stop.is_set() or time.monotonic() > ends:
                    break
    except (DataError, IntegrityError) as error:
        # the same rows would fail again: not a matter of trying once more
        log.exception("import.failed", id=str(id), error=type(error).__name__)
        with transaction() as tx:
            fail(tx, claimed, "A row could not be stored. The rows before it are imported.")
        return
    if stopped:
        _give_back(id, claimed.row["attempts"])  # only now: the step that was under way has ended as well
    else:
        log.info("import.completed", id=str(id))


def _give_back(id: UUID, attempts: int) -> None:
    with transaction() as tx:
        if release(tx, id, attempts):
            emit(tx, LoadContacts(str(id)))
