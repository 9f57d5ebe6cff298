"""Files of contacts on their way in: what was uploaded, how far it is read, and what was left out of it."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
)
from sqlalchemy import text as sql

from shared.models.columns import Json, Moment, account_column, created_column, id_column, metadata, one_of

IMPORT_STATUSES = ("queued", "running", "completed", "cancelled", "failed")
#: upsert: adds and updates · add: leaves who is known as they are · update: adds nobody
IMPORT_MODES = ("upsert", "add", "update")

imports = Table(
    "imports",
    metadata,
    id_column(),
    account_column(),
    Column("list_id", Uuid, ForeignKey("lists.id", ondelete="CASCADE"), nullable=False),
    Column("status", Text, nullable=False, server_default="queued"),
    Column("filename", Text),
    # of the text, in UTF-8
    Column("size", BigInteger, nullable=False),
    Column("mode", Text, nullable=False),
    Column("tag_ids", ARRAY(Uuid), nullable=False, server_default=sql("'{}'")),
    # whether they are subscribed by it also where the list has double opt-in
    Column("confirmed", Boolean, nullable=False),
    # how the file is read (shared.contact_import.columns): {"delimiter", "fields": [[column, meaning], …]}
    Column("layout", Json, nullable=False),
    # what is done with the file: read up to this byte and line
    Column("position", BigInteger, nullable=False),
    Column("line", Integer, nullable=False),
    Column("rows", Integer, nullable=False, server_default="0"),
    Column("added", Integer, nullable=False, server_default="0"),
    Column("updated", Integer, nullable=False, server_default="0"),
    Column("skipped", Integer, nullable=False, server_default="0"),
    Column("rejected", Integer, nullable=False, server_default="0"),
    # of the above, those who were not put on the list because they are suppressed
    Column("suppressed", Integer, nullable=False, server_default="0"),
    # counts claims; the number a claim got is its fencing token
    Column("attempts", Integer, nullable=False, server_default="0"),
    # when it is next owed attention: at once, or when the lease on it ends
    Column("due_at", Moment, nullable=False, server_default=sql("now()")),
    Column("error", Text),
    created_column(),
    Column("started_at", Moment),
    Column("finished_at", Moment),
    one_of("status", IMPORT_STATUSES),
    one_of("mode", IMPORT_MODES),
    Index("ix_imports_account_id_id", "account_id", "id"),
    Index("ix_imports_list_id", "list_id"),
    Index("ix_imports_unfinished", "due_at", postgresql_where=sql("status IN ('queued', 'running')")),
)

# The file itself, as UTF-8, in pieces of IMPORT_CHUNK bytes (the last is shorter); gone once it is loaded.
import_chunks = Table(
    "import_chunks",
    metadata,
    Column("import_id", Uuid, ForeignKey("imports.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("data", LargeBinary, nullable=False),
)

#: Bytes of a chunk.
IMPORT_CHUNK = 1024 * 1024

import_rejects = Table(
    "import_rejects",
    metadata,
    Column("import_id", Uuid, ForeignKey("imports.id", ondelete="CASCADE"), primary_key=True),
    # the line of the file that the row begins on, from 1
    Column("line", Integer, primary_key=True),
    Column("reason", Text, nullable=False),
    # what the row says, cut short
    Column("row", Text, nullable=False),
)
