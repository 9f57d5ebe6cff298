"""The files of attachments → Postgres, by binary COPY: no statement that holds 20 MB escaped."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection

from shared.db import copy_in

_COPY = "COPY files (id, account_id, data) FROM STDIN (FORMAT binary)"
# PostgreSQL's documentation, COPY, "Binary Format": signature, flags, length of the header's extension
_HEADER = b"PGCOPY\n\xff\r\n\0" + struct.pack("!ii", 0, 0)
_TRAILER = struct.pack("!h", -1)


@dataclass(frozen=True, slots=True)
class File:
    """The content of one or more attachments."""

    id: UUID
    account_id: UUID
    data: bytes


def insert_files(tx: Connection, files: Iterable[File]) -> None:
    """Inserts `files`; each is read in place."""
    copy_in(tx, _COPY, _rows(files))


def _rows(files: Iterable[File]) -> Iterator[bytes]:
    yield _HEADER
    for file in files:
        yield struct.pack("!hi16si16si", 3, 16, file.id.bytes, 16, file.account_id.bytes, len(file.data))
        yield file.data
    yield _TRAILER
