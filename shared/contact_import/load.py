"""An import's steps: each loads some thousand rows, in one transaction that also says how far it got.

So a step is done or it is not, whenever its process dies; the next claim goes on behind the last one done.
Two that work on one import can't both: a claim's number fences the other's steps off.
"""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Generator, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from threading import Event
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, delete, func, insert, select, update

from shared.clock import now
from shared.contact_import import queries
from shared.contact_import.columns import Layout
from shared.contact_import.csv_rows import CsvReader, CsvRow
from shared.contact_import.people import Entry, entry_of
from shared.contact_import.told import tell_end
from shared.db import by_key, copy_in, transaction
from shared.ids import new_id
from shared.models import import_chunks, import_rejects, imports, lists
from shared.models.imports import IMPORT_CHUNK

#: Longest part of a rejected row that is kept, in characters.
_MAX_SHOWN = 2_000
_NULL = "\\N"
#: Steps under way: more would only wait for each other.
_AT_ONCE = 2


@dataclass(frozen=True)
class Claim:
    """The right to work on an import: its row, and under which number."""

    row: dict[str, Any]

    @property
    def id(self) -> UUID:
        """The import's."""
        id: UUID = self.row["id"]
        return id


@dataclass(frozen=True)
class Batch:
    """A step's rows, judged: `copied` has a line of COPY for each person, by `Entry.key`."""

    rows: int
    copied: list[bytes]
    #: rows that said more of somebody who is among them already
    repeats: int
    rejects: list[dict[str, Any]]
    #: where the next row begins
    position: int
    line: int
    ended: bool


def claim(tx: Connection, id: UUID, lease: float) -> Claim | None:
    """Takes an import on for `lease` seconds a step; None: it has ended, or another is at it."""
    row = tx.execute(queries.CLAIM, {"id": id, "lease": lease}).mappings().one_or_none()
    return Claim(dict(row)) if row else None


def load(claimed: Claim, rows_a_step: int, lease: float) -> Generator[bool]:
    """Works through the import, a step at each turn; yields whether the step was ours to do.

    The caller may stop between steps, and closes the iterator then: what has begun is done first. Two steps
    are under way at a time, each in a transaction and so a process of PostgreSQL's: one merges people while
    the other, which merged before it, puts its own on the list. Meanwhile the next is read and judged.
    """
    with ThreadPoolExecutor(_AT_ONCE, "import") as pool:
        under_way: deque[_Step] = deque()
        for batch in _batches(claimed.row, rows_a_step):
            before = under_way[-1] if under_way else None
            under_way.append(_Step(pool, claimed.row, batch, lease, before))
            if len(under_way) == _AT_ONCE:
                yield under_way.popleft().ours()
        for step in under_way:
            yield step.ours()


def release(tx: Connection, id: UUID, attempts: int) -> bool:
    """Gives a claim back, where it has not ended: the next claim needs not wait for the lease."""
    statement = (
        update(imports)
        .where(imports.c.id == id, imports.c.attempts == attempts, imports.c.status == "running")
        .values(due_at=now())
    )
    return tx.execute(statement).rowcount > 0


def fail(tx: Connection, claimed: Claim, why: str) -> None:
    """Ends an import that can't go on; what was loaded stays."""
    ended = tx.execute(
        update(imports)
        .where(imports.c.id == claimed.id, imports.c.attempts == claimed.row["attempts"])
        .values(status="failed", error=why, finished_at=now())
    )
    if ended.rowcount:
        tell_end(tx, claimed.id)
    tx.execute(delete(import_chunks).where(import_chunks.c.import_id == claimed.id))


class _Step:
    """A batch on its way, in a transaction of its own: it merges once `before` has, and ends after it."""

    def __init__(
        self, pool: Executor, row: dict[str, Any], batch: Batch, lease: float, before: _Step | None
    ) -> None:
        self.merged = Event()
        self._done = pool.submit(self._run, row, batch, lease, before)

    def ours(self) -> bool:
        """Waits for its end: whether the import was still ours, else nothing was done. Raises what it met."""
        return self._done.result()

    def _run(self, row: dict[str, Any], batch: Batch, lease: float, before: _Step | None) -> bool:
        try:
            with transaction() as tx:
                if before:
                    before.merged.wait()
                by_key(tx)
                counts = _merge(tx, row, batch.copied)
                self.merged.set()
                ours = before is None or before.ours()
                if not (ours and _record(tx, row, batch, lease, counts)):
                    tx.rollback()
                    return False
                return True
        finally:
            self.merged.set()


def _record(tx: Connection, row: dict[str, Any], batch: Batch, lease: float, counts: Counter[str]) -> bool:
    """Puts who was merged on the list, and moves the import on; False: it is not ours any more."""
    held = tx.execute(queries.HOLD, {"id": row["id"], "attempts": row["attempts"]}).first()
    if held is None:
        return False
    counts["suppressed"] = _subscribe(tx, row) if batch.copied else 0
    _keep_rejects(tx, row["id"], batch.rejects)
    skipped = len(batch.copied) + batch.repeats - counts["added"] - counts["updated"]
    tx.execute(
        update(imports)
        .where(imports.c.id == row["id"])
        .values(
            position=batch.position,
            line=batch.line,
            rows=imports.c.rows + batch.rows,
            added=imports.c.added + counts["added"],
            updated=imports.c.updated + counts["updated"],
            suppressed=imports.c.suppressed + counts["suppressed"],
            skipped=imports.c.skipped + skipped,
            rejected=imports.c.rejected + len(batch.rejects),
            due_at=func.now() + func.make_interval(0, 0, 0, 0, 0, 0, lease),
            **({"status": "completed", "finished_at": now()} if batch.ended else {}),
        )
    )
    if batch.ended:
        tx.execute(delete(import_chunks).where(import_chunks.c.import_id == row["id"]))
        tell_end(tx, row["id"])
    return True


def _batches(row: dict[str, Any], rows_a_step: int) -> Iterator[Batch]:
    """The file behind what is done of it, judged."""
    layout = Layout.of(row["layout"])
    reader = CsvReader(_blocks(row["id"], row["position"]), layout.delimiter, row["position"], row["line"])
    rows = iter(reader)
    while True:
        some = list(islice(rows, rows_a_step))
        people, repeats, rejects = _judged(some, layout, row["mode"])
        copied = [_copied(people[key]) for key in sorted(people)]
        where = (reader.position, reader.line)
        batch = Batch(len(some), copied, repeats, rejects, *where, ended=len(some) < rows_a_step)
        yield batch
        if batch.ended:
            return


def _judged(
    batch: list[CsvRow], layout: Layout, mode: str
) -> tuple[dict[str, Entry], int, list[dict[str, Any]]]:
    """People by key, how many rows said more of one of them, and what was left out."""
    people: dict[str, Entry] = {}
    rejects: list[dict[str, Any]] = []
    repeats = 0
    for row in batch:
        found = row.fault or entry_of(row.line, row.cells, layout)
        if isinstance(found, str):
            shown = layout.delimiter.join(row.cells)[:_MAX_SHOWN].replace("\x00", "\ufffd").rstrip("\r\n")
            rejects.append({"line": row.line, "reason": found, "row": shown})
            continue
        known = people.setdefault(found.key, found)
        if known is not found:
            repeats += 1
            if mode != "add":
                known.add(found)
    return people, repeats, rejects


def _merge(tx: Connection, row: dict[str, Any], copied: list[bytes]) -> Counter[str]:
    if not copied:
        return Counter()
    tx.execute(queries.STAGE)
    copy_in(tx, queries.COPY_STAGE, [b"".join(copied)])
    done = tx.execute(queries.MERGE[row["mode"]], {"account_id": row["account_id"]}).one()
    return Counter(added=done.added, updated=done.updated)


def _subscribe(tx: Connection, row: dict[str, Any]) -> int:
    """Puts who is staged on the list; the number of those who must not be."""
    opt_in = tx.execute(select(lists.c.opt_in).where(lists.c.id == row["list_id"])).scalar()
    confirmed = row["confirmed"] or opt_in == "single"
    values = {
        "account_id": row["account_id"],
        "list_id": row["list_id"],
        "status": "subscribed" if confirmed else "unconfirmed",
        "tag_ids": [str(id) for id in row["tag_ids"]],
    }
    suppressed: int = tx.execute(queries.SUBSCRIBE, values).scalar_one()
    return suppressed


def _copied(entry: Entry) -> bytes:
    """A line of COPY's text format."""
    metadata = json.dumps(entry.metadata, ensure_ascii=False) if entry.metadata else "{}"
    cells = (
        str(new_id()),
        _escaped(entry.email),
        _escaped(entry.key),
        _NULL if entry.first_name is None else _escaped(entry.first_name),
        _NULL if entry.last_name is None else _escaped(entry.last_name),
        _escaped(metadata),
    )
    return ("\t".join(cells) + "\n").encode()


def _escaped(text: str) -> str:
    if "\\" in text or not text.isprintable():
        return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
    return text


def _keep_rejects(tx: Connection, id: UUID, rejects: list[dict[str, Any]]) -> None:
    if rejects:
        tx.execute(insert(import_rejects), [{"import_id": id, **item} for item in rejects])


def _blocks(id: UUID, position: int) -> Iterator[bytes]:
    """The file from `position` on, a chunk in memory at a time, each read in a transaction of its own."""
    number, begin = divmod(position, IMPORT_CHUNK)
    while True:
        query = select(import_chunks.c.data).where(
            import_chunks.c.import_id == id, import_chunks.c.number == number
        )
        with transaction() as tx:
            data = tx.execute(query).scalar()
        if data is None:
            return
        yield bytes(data)[begin:]
        number, begin = number + 1, 0
