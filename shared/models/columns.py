"""What the tables share: the metadata with its constraint names, and the columns that repeat."""

from __future__ import annotations

from typing import Any

from sqlalchemy import CheckConstraint, Column, DateTime, ForeignKey, MetaData, Uuid, func
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

#: jsonb, where None is SQL NULL and not the JSON null
Json = JSONB(none_as_null=True)

#: timestamptz; the connection's time zone is UTC
Moment = DateTime(timezone=True)


def id_column() -> Column[Any]:
    """A UUIDv7 primary key, made by the application."""
    return Column("id", Uuid, primary_key=True)


def account_column() -> Column[Any]:
    """The tenant a row belongs to; every query is scoped by it."""
    return Column("account_id", Uuid, ForeignKey("accounts.id"), nullable=False)


def created_column() -> Column[Any]:
    """When the row was made."""
    return Column("created_at", Moment, nullable=False, server_default=func.now())


def one_of(column: str, values: tuple[str, ...]) -> CheckConstraint:
    """A check that `column` holds one of `values`."""
    allowed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({allowed})", name=column)
