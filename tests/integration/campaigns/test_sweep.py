"""What is overdue is nudged again, and what waits in a long queue ever more rarely."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from services.campaigns.sweep import sweep
from shared.clock import now
from shared.ids import new_id
from shared.models import emails, outbox
from shared.settings import settings
from tests.fixtures.database import Database

_MINUTES = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("status", "minutes", "pause"),
    [("queued", 3, 3), ("queued", 60, 10), ("deferred", 60, 0), ("unknown", 3, 0), ("sending", 3, 0)],
)
def test_what_is_queued_is_nudged_again_after_as_long_as_it_waited(
    database: Database, status: str, minutes: int, pause: int
) -> None:
    id, moment, before = new_id(), now(), now() - minutes * _MINUTES
    config = replace(settings(), sweep_grace_seconds=60.0)
    with database.engine.connect() as tx:  # never committed: no sweeper of the cluster's sees it
        row = {"id": id, "account_id": new_id(), "content_id": new_id(), "stream": "bulk", "status": status}
        row |= {"message_id": "<x@x.test>", "from_address": "x@x.test", "subject": "x"}
        tx.execute(insert(emails).values(**row, created_at=before, due_at=before))
        assert sweep(tx, config) >= 1
        due_at = tx.execute(select(emails.c.due_at).where(emails.c.id == id)).scalar_one()
        assert abs(due_at - moment - pause * _MINUTES) < _MINUTES / 2
        said = tx.execute(select(outbox.c.payload).where(outbox.c.contract == "SendBulkEmails")).scalars()
        assert [payload for payload in said if str(id) in payload["ids"]]
