"""Domains say whether opens and clicks of their mail are tracked."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("domains", sa.Column("track_opens", sa.Boolean(), nullable=True))
    op.add_column("domains", sa.Column("track_clicks", sa.Boolean(), nullable=True))


def downgrade() -> None:
    op.drop_column("domains", "track_clicks")
    op.drop_column("domains", "track_opens")
