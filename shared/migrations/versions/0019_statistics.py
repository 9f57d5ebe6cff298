"""Statistics, rolled up out of the events."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from shared.clock import now
from shared.partitions import ensure_partitions

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_FIRSTS = ("opened", "clicked", "machine_opened", "machine_clicked")
_COUNTS = (
    "sent",
    "delivered",
    "deferred",
    "bounced",
    "refused",
    "failed",
    "suppressed",
    "complained",
    "unsubscribed",
    "opens",
    "clicks",
    "machine_opens",
    "machine_clicks",
    *_FIRSTS,
)


def upgrade() -> None:
    op.create_table(
        "statistics",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("dimension", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("starts", _MOMENT, nullable=False),
        *(sa.Column(name, sa.Integer(), server_default="0", nullable=False) for name in _COUNTS),
        sa.CheckConstraint(
            "dimension IN ('all', 'domain', 'credential', 'campaign', 'tag')",
            name=op.f("ck_statistics_dimension"),
        ),
        sa.PrimaryKeyConstraint("account_id", "dimension", "value", "starts", name=op.f("pk_statistics")),
    )
    op.create_table(
        "statistics_cursors",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("xid", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_statistics_cursors_account_id")
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_statistics_cursors")),
    )
    op.create_table(
        "counted_firsts",
        sa.Column("email_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        *(sa.Column(name, _MOMENT, nullable=True) for name in _FIRSTS),
        sa.PrimaryKeyConstraint("email_id", "position", name=op.f("pk_counted_firsts")),
        postgresql_partition_by="RANGE (email_id)",
    )
    ensure_partitions(op.get_bind(), now(), ("counted_firsts",))


def downgrade() -> None:
    op.drop_table("counted_firsts")
    op.drop_table("statistics_cursors")
    op.drop_table("statistics")
