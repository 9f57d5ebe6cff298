"""The outbox: what is to be said to other processes, written with the change it speaks of."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Identity, Index, Table, Text

from shared.models.columns import Json, Moment, metadata

outbox = Table(
    "outbox",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("contract", Text, nullable=False),
    Column("payload", Json, nullable=False),
    Column("available_at", Moment, nullable=False),
    Column("request_id", Text),
    Index("ix_outbox_available_at_id", "available_at", "id"),
)
