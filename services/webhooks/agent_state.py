"""What the agent must know again after a crash: how far it has read, and the messages under way.

SQLite, one transaction a batch, committed once the batch was posted: a crash in between posts the batch once
more, octet for octet, which changes nothing (services/webhooks/inbox.py).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from services.webhooks.postfix_log import Entry, Expired, Named, Removed, Result
from shared.clock import iso

_SCHEMA = """
CREATE TABLE IF NOT EXISTS position (one INTEGER PRIMARY KEY CHECK (one = 1), text TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS queue (id TEXT PRIMARY KEY, message_id TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS deferred (
    queue_id TEXT NOT NULL, recipient TEXT NOT NULL, event TEXT NOT NULL, PRIMARY KEY (queue_id, recipient));
"""

#: status of the log → event; what is not here is nobody's business
_EVENTS = {"sent": "delivered", "deferred": "deferred", "bounced": "bounce", "expired": "expired"}

Event = dict[str, Any]


class State:
    """One agent's memory, and the correlation of queue ids that it makes possible."""

    def __init__(self, path: Path) -> None:
        """Opens or makes the file at `path`."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.executescript(_SCHEMA)
        self._db.execute("BEGIN")

    @property
    def position(self) -> str | None:
        """What `keep` was told last."""
        row = self._db.execute("SELECT text FROM position").fetchone()
        return row[0] if row else None

    def keep(self, position: str) -> None:
        """Makes everything until now, and `position`, survive a crash."""
        self._db.execute("INSERT OR REPLACE INTO position VALUES (1, ?)", (position,))
        self._db.execute("COMMIT")
        self._db.execute("BEGIN")

    def close(self) -> None:
        """Forgets what was not kept."""
        self._db.rollback()
        self._db.close()

    def take(self, entry: Entry) -> Iterator[Event]:
        """The events that follow from `entry`."""
        if isinstance(entry, Named):
            self._db.execute("INSERT OR REPLACE INTO queue VALUES (?, ?)", (entry.queue_id, entry.message_id))
        elif isinstance(entry, Result):
            yield from self._result(entry)
        elif isinstance(entry, Expired):
            yield from self._expired(entry)
        elif isinstance(entry, Removed):
            self._forget(entry.queue_id)

    def _result(self, result: Result) -> Iterator[Event]:
        message_id, kind = self._message_id(result.queue_id), _EVENTS.get(result.status)
        if message_id is None or kind is None:
            return  # not ours to tell: it was queued before there was an agent
        event: Event = {
            "event": kind,
            "recipient": result.recipient,
            "message_id": message_id,
            "reason": result.reply,
            "dsn": result.dsn,
            "relay": None if result.relay == "none" else result.relay,
            "queue_id": result.queue_id,
            "occurred_at": iso(result.at),
            "delay": result.delay,
            "delays": list(result.delays) if len(result.delays) == 4 else None,
        }
        key = (result.queue_id, result.recipient)
        if kind == "deferred":
            self._db.execute("INSERT OR REPLACE INTO deferred VALUES (?, ?, ?)", (*key, json.dumps(event)))
        else:
            self._db.execute("DELETE FROM deferred WHERE queue_id = ? AND recipient = ?", key)
        yield event

    def _expired(self, expired: Expired) -> Iterator[Event]:
        rows = self._db.execute(
            "SELECT event FROM deferred WHERE queue_id = ? ORDER BY recipient", (expired.queue_id,)
        ).fetchall()
        self._db.execute("DELETE FROM deferred WHERE queue_id = ?", (expired.queue_id,))
        for (text,) in rows:
            yield {**json.loads(text), "event": "expired", "occurred_at": iso(expired.at)}

    def _forget(self, queue_id: str) -> None:
        self._db.execute("DELETE FROM queue WHERE id = ?", (queue_id,))
        self._db.execute("DELETE FROM deferred WHERE queue_id = ?", (queue_id,))

    def _message_id(self, queue_id: str) -> str | None:
        row = self._db.execute("SELECT message_id FROM queue WHERE id = ?", (queue_id,)).fetchone()
        return row[0] if row else None
