"""Imports as rows: made with the file's text, shown, listed, cancelled. Scoped by account throughout."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, delete, insert, select, update

from services.gateway.one_insert import Row
from services.gateway.upload_text import NotText
from services.gateway.windows import Window, rows_in
from shared.clock import now
from shared.contact_import.columns import Layout, NotContacts, delimiter_of, layout_of
from shared.contact_import.told import tell_end
from shared.ids import new_id
from shared.models import import_chunks, import_rejects, imports
from shared.models.imports import IMPORT_CHUNK

SHOWN = (
    imports.c.id,
    imports.c.list_id,
    imports.c.status,
    imports.c.filename,
    imports.c.mode,
    imports.c.rows,
    imports.c.added,
    imports.c.updated,
    imports.c.skipped,
    imports.c.rejected,
    imports.c.suppressed,
    imports.c.error,
    (imports.c.position * 100 / imports.c.size).label("percent"),
    imports.c.created_at,
    imports.c.started_at,
    imports.c.finished_at,
)
#: Longest header line, in bytes, and how many empty lines may stand before it.
_MAX_HEADER = 64 * 1024


@dataclass(frozen=True)
class Options:
    """What the client wants done with a file."""

    list_id: UUID
    mode: str
    tag_ids: list[UUID]
    confirmed: bool
    mapping: dict[str, str | None]
    filename: str | None


@dataclass(frozen=True)
class Begun:
    """How a file begins: its layout, and where the first row behind the header is."""

    layout: Layout
    position: int
    line: int


def begin(head: bytes, mapping: dict[str, str | None]) -> Begun:
    """What the first lines of a text say.

    Raises:
        NotText, NotContacts, WrongMapping: 422.
    """
    position, line, delimiter = 0, 1, None
    for raw in head.splitlines(keepends=True):
        text = raw.decode(errors="replace")
        position, line = position + len(raw), line + 1
        if not text.strip().strip(",;\t|\"'"):
            continue
        if "\x00" in text or len(raw) >= _MAX_HEADER:
            raise NotText("The file is not CSV.")
        found, only = delimiter_of(text)
        if only:
            delimiter = found
            continue
        layout = layout_of(text, delimiter or found, mapping)
        if len(head) < IMPORT_CHUNK and not head[position:].strip(b" \t\r\n,;|\"'"):
            raise NotContacts("The file has a header and nothing else.")
        return Begun(layout, position, line)
    raise NotText("The file is empty.")


def create(
    tx: Connection, account_id: UUID, text: Iterable[bytes], options: Options
) -> tuple[UUID, int, int]:
    """Keeps a file and what is to be done with it; returns its id, its bytes and its lines.

    Raises:
        NotText, NotContacts, WrongMapping: 422.
    """
    id, size, lines = new_id(), 0, 0
    begun: Begun | None = None
    for number, chunk in enumerate(_chunks(text)):
        size, lines = size + len(chunk), lines + chunk.count(b"\n")
        if begun is None:
            begun = begin(chunk, options.mapping)
            tx.execute(
                insert(imports).values(id=id, account_id=account_id, size=0, **_values(begun, options))
            )
        tx.execute(insert(import_chunks).values(import_id=id, number=number, data=chunk))
    if begun is None:
        raise NotText("The file is empty.")
    tx.execute(update(imports).where(imports.c.id == id).values(size=size))
    return id, size, lines


def get(tx: Connection, account_id: UUID, id: UUID) -> Row | None:
    """One import; `None` if the account has none with this id."""
    query = select(*SHOWN).where(imports.c.account_id == account_id, imports.c.id == id)
    row = tx.execute(query).mappings().one_or_none()
    return dict(row) if row else None


def window(tx: Connection, account_id: UUID, page: Window) -> tuple[list[Row], bool]:
    """A page of the account's imports, newest first, and whether there are more."""
    return rows_in(tx, select(*SHOWN).where(imports.c.account_id == account_id), imports.c.id, page)


def cancel(tx: Connection, account_id: UUID, id: UUID) -> bool:
    """Stops an import before its next step, and drops its file; whether it had not ended yet."""
    statement = (
        update(imports)
        .where(
            imports.c.account_id == account_id,
            imports.c.id == id,
            imports.c.status.in_(("queued", "running")),
        )
        .values(status="cancelled", finished_at=now())
    )
    if not tx.execute(statement).rowcount:
        return False
    tx.execute(delete(import_chunks).where(import_chunks.c.import_id == id))
    tell_end(tx, id)
    return True


def rejects(tx: Connection, id: UUID, after: int, limit: int) -> list[Any]:
    """The next rows of an import that were left out, behind the line `after`."""
    query = (
        select(import_rejects.c.line, import_rejects.c.reason, import_rejects.c.row)
        .where(import_rejects.c.import_id == id, import_rejects.c.line > after)
        .order_by(import_rejects.c.line)
        .limit(limit)
    )
    return list(tx.execute(query))


def _values(begun: Begun, options: Options) -> dict[str, Any]:
    return {
        "list_id": options.list_id,
        "filename": options.filename,
        "mode": options.mode,
        "tag_ids": options.tag_ids,
        "confirmed": options.confirmed,
        "layout": begun.layout.stored(),
        "position": begun.position,
        "line": begun.line,
    }


def _chunks(text: Iterable[bytes]) -> Iterator[bytes]:
    """`text` in pieces of IMPORT_CHUNK bytes; the last may be shorter."""
    held = bytearray()
    for block in text:
        held += block
        while len(held) >= IMPORT_CHUNK:
            yield bytes(held[:IMPORT_CHUNK])
            del held[:IMPORT_CHUNK]
    if held:
        yield bytes(held)
