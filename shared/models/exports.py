"""Reports that are written as files: what of, how far they are, and what is written."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text, Uuid
from sqlalchemy import text as sql

from shared.models.columns import Json, Moment, account_column, created_column, id_column, metadata, one_of

EXPORT_STATUSES = ("queued", "running", "completed")

exports = Table(
    "exports",
    metadata,
    id_column(),
    account_column(),
    Column("status", Text, nullable=False, server_default="queued"),
    Column("form", Text, nullable=False),
    # which emails (shared.mail_log.filter.LogFilter.stored)
    Column("filter", Json, nullable=False),
    # emails are written from the newest to the oldest: what is older than this is still to come
    Column("cursor", Uuid, nullable=False),
    # how old the oldest may be, from which how far it is can be told
    Column("oldest", Moment, nullable=False),
    Column("rows", BigInteger, nullable=False, server_default="0"),
    # of the file so far (bytes), and in how many chunks it is
    Column("size", BigInteger, nullable=False, server_default="0"),
    Column("chunks", Integer, nullable=False, server_default="0"),
    # counts claims; the number a claim got is its fencing token
    Column("attempts", Integer, nullable=False, server_default="0"),
    # when it is next owed attention: at once, or when the lease on it ends
    Column("due_at", Moment, nullable=False, server_default=sql("now()")),
    created_column(),
    Column("started_at", Moment),
    Column("finished_at", Moment),
    # when the file is deleted; null: it is not finished
    Column("expires_at", Moment),
    one_of("status", EXPORT_STATUSES),
    Index("ix_exports_account_id_id", "account_id", "id"),
    Index("ix_exports_unfinished", "due_at", postgresql_where=sql("status IN ('queued', 'running')")),
    Index("ix_exports_expires_at", "expires_at"),
)

# The file, in UTF-8; a chunk is what one step wrote.
export_chunks = Table(
    "export_chunks",
    metadata,
    Column("export_id", Uuid, ForeignKey("exports.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("data", LargeBinary, nullable=False),
)
