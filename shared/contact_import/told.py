"""The end of an import, told to the account as one event: a file may have a million contacts."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Connection, select

from shared.events import record_event
from shared.models import imports

_COUNTS = ("rows", "added", "updated", "skipped", "rejected", "suppressed")


def tell_end(tx: Connection, id: UUID) -> None:
    """Tells that an import has ended, how, and what it came to, as `tx` has left it."""
    row = tx.execute(select(imports).where(imports.c.id == id)).mappings().one()
    told = {
        "import_id": str(id),
        "list_id": str(row["list_id"]),
        "status": row["status"],
        **{name: row[name] for name in _COUNTS},
    }
    record_event(tx, row["account_id"], "contact.imported", told, source="import")
