"""Whom an account may not write to, and why."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Index, Table, Text, Uuid

from shared.models.columns import account_column, created_column, id_column, metadata, one_of

SUPPRESSION_REASONS = ("hard_bounce", "complaint", "unsubscribe", "manual")

suppressions = Table(
    "suppressions",
    metadata,
    id_column(),
    account_column(),
    # the form in which addresses are compared (shared.addresses.Address.key)
    Column("address", Text, nullable=False),
    Column("reason", Text, nullable=False),
    # what made it: api, import, sender, postfix, tracker …
    Column("source", Text, nullable=False),
    # the email and the event that caused it, where one did
    Column("email_id", Uuid),
    Column("event_id", Uuid),
    created_column(),
    one_of("reason", SUPPRESSION_REASONS),
    CheckConstraint("address = lower(address)", name="address"),
    Index("uq_suppressions_account_id_address", "account_id", "address", unique=True),
    Index("ix_suppressions_account_id_id", "account_id", "id"),
)
