"""Statistics by day beside those by quarter of an hour, so that half a year by tag is few rows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

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
    "opened",
    "clicked",
    "machine_opened",
    "machine_clicked",
)


def upgrade() -> None:
    op.create_table(
        "statistics_days",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("dimension", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("starts", sa.DateTime(timezone=True), nullable=False),
        *(sa.Column(name, sa.Integer(), server_default="0", nullable=False) for name in _COUNTS),
        sa.CheckConstraint(
            "dimension IN ('all', 'domain', 'credential', 'campaign', 'tag')",
            name=op.f("ck_statistics_days_dimension"),
        ),
        sa.PrimaryKeyConstraint(
            "account_id", "dimension", "value", "starts", name=op.f("pk_statistics_days")
        ),
    )
    # no roll-up in between: what it adds would be counted here and not there
    op.execute("LOCK TABLE statistics IN SHARE ROW EXCLUSIVE MODE")
    op.execute(
        f"""
        INSERT INTO statistics_days (account_id, dimension, value, starts, {", ".join(_COUNTS)})
        SELECT account_id, dimension, value, date_trunc('day', starts, 'UTC'),
            {", ".join(f"sum({name})" for name in _COUNTS)}
        FROM statistics GROUP BY 1, 2, 3, 4
        """  # noqa: S608
    )


def downgrade() -> None:
    op.drop_table("statistics_days")
