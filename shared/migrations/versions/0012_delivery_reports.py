"""Reports of MTAs, kept before they are understood; Message-IDs that are not ours; what a refusal means."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "delivery_reports",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("report", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("processed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("email_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("octet_length(digest) = 32", name=op.f("ck_delivery_reports_digest")),
        sa.CheckConstraint(
            "outcome IN ('applied', 'repeated', 'unmatched')", name=op.f("ck_delivery_reports_outcome")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery_reports")),
        sa.UniqueConstraint("digest", name=op.f("uq_delivery_reports_digest")),
    )
    op.create_index(
        "ix_delivery_reports_waiting",
        "delivery_reports",
        ["due_at"],
        postgresql_where=sa.text("processed_at IS NULL"),
    )
    op.create_index("ix_delivery_reports_processed_at", "delivery_reports", ["processed_at"])
    op.create_index(
        "ix_emails_foreign_message_id",
        "emails",
        ["message_id"],
        postgresql_where=sa.text("split_part(message_id, '@', 1) <> '<' || id::text"),
    )
    op.add_column("recipients", sa.Column("bounce_class", sa.Text(), nullable=True))
    op.add_column("recipients", sa.Column("bounce_reason", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("recipients", "bounce_reason")
    op.drop_column("recipients", "bounce_class")
    op.drop_index("ix_emails_foreign_message_id", table_name="emails")
    op.drop_table("delivery_reports")
