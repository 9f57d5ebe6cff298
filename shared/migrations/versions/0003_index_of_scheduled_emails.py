"""An index of scheduled emails alone: release must not search through a backlog of queued ones."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_emails_scheduled",
        "emails",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("status = 'scheduled'"),
    )


def downgrade() -> None:
    op.drop_index(
        "ix_emails_scheduled", table_name="emails", postgresql_where=sa.text("status = 'scheduled'")
    )
