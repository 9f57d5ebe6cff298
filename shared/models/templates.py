"""Templates: subjects and bodies with variables, kept under a name."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Index, Table, Text

from shared.models.columns import Moment, account_column, created_column, id_column, metadata

templates = Table(
    "templates",
    metadata,
    id_column(),
    account_column(),
    Column("name", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("html", Text),
    Column("text", Text),
    created_column(),
    Column("updated_at", Moment, nullable=False),
    CheckConstraint("html IS NOT NULL OR text IS NOT NULL", name="body"),
    Index("uq_templates_account_id_name", "account_id", "name", unique=True),
    Index("ix_templates_account_id_id", "account_id", "id"),
)
