"""The log is searched by parts of recipients' addresses, and by what is in trouble."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_recipients_searched",
        "recipients",
        ["account_id", sa.text("lower(address) gin_trgm_ops")],
        postgresql_using="gin",
        postgresql_with={"gin_pending_list_limit": 16384},
    )
    op.create_index(
        "ix_emails_trouble",
        "emails",
        ["account_id", "status", "id"],
        postgresql_where=sa.text(
            "status IN ('deferred', 'bounced', 'failed', 'complained', 'cancelled', 'suppressed')"
        ),
    )


def downgrade() -> None:
    op.drop_index("ix_emails_trouble", table_name="emails")
    op.drop_index("ix_recipients_searched", table_name="recipients")
