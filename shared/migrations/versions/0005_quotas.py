"""Quotas of an account, and what counts towards them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "usage",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("slot", sa.SmallInteger(), nullable=False),
        sa.Column("emails", sa.Integer(), nullable=False),
        sa.Column("recipients", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_usage_account_id")),
        sa.PrimaryKeyConstraint("account_id", "day", "slot", name=op.f("pk_usage")),
    )
    op.add_column("accounts", sa.Column("quota_daily", sa.Integer()))
    op.add_column("accounts", sa.Column("quota_monthly", sa.Integer()))


def downgrade() -> None:
    op.drop_column("accounts", "quota_monthly")
    op.drop_column("accounts", "quota_daily")
    op.drop_table("usage")
