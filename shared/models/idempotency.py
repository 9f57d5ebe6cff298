"""Idempotency keys: claimed in the transaction that they protect, kept with its answer for a day."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, LargeBinary, SmallInteger, Table, Text, Uuid

from shared.models.columns import Moment, created_column, metadata

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("account_id", Uuid, ForeignKey("accounts.id"), primary_key=True),
    # method and path of the operation
    Column("route", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    # SHA-256 of the canonical request
    Column("request_hash", LargeBinary, nullable=False),
    Column("status", SmallInteger, nullable=False),
    # the answer's body, byte for byte
    Column("body", LargeBinary, nullable=False),
    created_column(),
    Column("expires_at", Moment, nullable=False, index=True),
    CheckConstraint("length(key) BETWEEN 1 AND 256", name="key"),
    CheckConstraint("octet_length(request_hash) = 32", name="request_hash"),
)
