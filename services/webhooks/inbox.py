"""Delivery reports in: stored first, understood later. The same report twice is one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from services.webhooks import queries
from shared.contracts import ApplyReports
from shared.ids import new_id
from shared.outbox import emit_all


def store(tx: Connection, source: str, reports: Sequence[dict[str, Any]]) -> int:
    """Stores `reports` and says that they wait; how many of them were new."""
    texts = list(dict.fromkeys(json.dumps(report, sort_keys=True) for report in reports))
    if not texts:
        return 0
    stored = tx.execute(
        queries.STORE_REPORTS,
        {
            "ids": [str(new_id()) for _ in texts],
            "digests": [hashlib.sha256(f"{source} {text}".encode()).digest() for text in texts],
            "reports": texts,
            "source": source,
        },
    ).scalars()
    ids = list(stored)
    nudge(tx, ids)
    return len(ids)


def nudge(tx: Connection, ids: Sequence[UUID]) -> None:
    """Has these reports applied."""
    emit_all(tx, [(chunk, None) for chunk in ApplyReports.chunked(ids)])
