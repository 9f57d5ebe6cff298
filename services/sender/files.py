"""The files of a chunk's attachments: read when an email needs them, held while the next ones share them.

Refuses to read ahead: a hundred emails with 20 MB each would be 2 GB.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from uuid import UUID

from sqlalchemy import Connection

from services.sender import queries
from services.sender.jobs import Attachment, RawFile

#: How much is asked of Postgres at a time (octets): the driver holds an answer several times over.
_SLICE = 1024 * 1024


class FileMissing(Exception):
    """The file of an attachment is not there, or not whole."""


class Files:
    """What one chunk has in memory, at most the files of one email. For one thread."""

    def __init__(self, read: Callable[[UUID, int], bytearray]) -> None:
        """Starts with nothing; `read` gives the file with this id and size."""
        self._read = read
        self._held: dict[UUID, bytearray] = {}

    def of(self, attachments: Iterable[Attachment | RawFile]) -> Mapping[UUID, bytearray]:
        """The files of `attachments` by id; the others that were held are let go of first."""
        wanted = {item.file_id: item.size for item in attachments}
        self._held = {id: data for id, data in self._held.items() if id in wanted}
        for id, size in wanted.items():
            if id not in self._held:
                self._held[id] = self._read(id, size)
        return self._held


def read_file(tx: Connection, id: UUID, size: int) -> bytearray:
    """The file `id` of `size` octets.

    Raises:
        FileMissing: it is not there, or not whole.
    """
    data = bytearray(size)
    for start in range(0, size, _SLICE):
        values = {"id": str(id), "start": start + 1, "length": _SLICE}
        found = tx.execute(queries.FILE_SLICE, values).scalar()
        if found is None or len(found) != min(_SLICE, size - start):
            raise FileMissing(f"the file {id} of an attachment is missing")
        data[start : start + len(found)] = found
    return data
