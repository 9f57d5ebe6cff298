"""Campaigns: options, pace and progress, counts by outcome; an account's postal address."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("accounts", sa.Column("postal_address", sa.Text(), nullable=True))
    for column in (
        sa.Column("credential_id", sa.Uuid(), nullable=True),
        sa.Column("template_id", sa.Uuid(), nullable=True),
        sa.Column("track_opens", sa.Boolean(), nullable=True),
        sa.Column("track_clicks", sa.Boolean(), nullable=True),
        sa.Column("test", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("rate_limit", sa.Text(), nullable=True),
        sa.Column("tokens", sa.Float(), server_default="0", nullable=False),
        sa.Column("tokens_at", _MOMENT, nullable=True),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.Column("expanded", sa.Integer(), server_default="0", nullable=False),
        sa.Column("expanded_at", _MOMENT, nullable=True),
        sa.Column("work_at", _MOMENT, nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
    ):
        op.add_column("campaigns", column)
    op.drop_index("ix_campaigns_under_way", table_name="campaigns")
    op.create_index(
        "ix_campaigns_under_way",
        "campaigns",
        ["work_at"],
        unique=False,
        postgresql_where=sa.text("work_at IS NOT NULL"),
    )
    op.create_table(
        "campaign_counts",
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("slot", sa.SmallInteger(), nullable=False),
        *(
            sa.Column(name, sa.Integer(), server_default="0", nullable=False)
            for name in ("sent", "bounced", "failed", "suppressed", "cancelled")
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("fk_campaign_counts_campaign_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("campaign_id", "slot", name=op.f("pk_campaign_counts")),
        postgresql_with={"fillfactor": "40"},
    )


def downgrade() -> None:
    op.drop_table("campaign_counts")
    op.drop_index("ix_campaigns_under_way", table_name="campaigns")
    for name in (
        "error",
        "work_at",
        "expanded_at",
        "expanded",
        "total",
        "tokens_at",
        "tokens",
        "rate_limit",
        "test",
        "track_clicks",
        "track_opens",
        "template_id",
        "credential_id",
    ):
        op.drop_column("campaigns", name)
    op.create_index(
        "ix_campaigns_under_way",
        "campaigns",
        ["send_at"],
        unique=False,
        postgresql_where=sa.text("status IN ('scheduled', 'sending')"),
    )
    op.drop_column("accounts", "postal_address")
