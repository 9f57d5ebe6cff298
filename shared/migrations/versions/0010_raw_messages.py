"""Contents can be a whole message, as it came by SMTP: one of the files."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("contents", sa.Column("raw_file_id", sa.Uuid(), nullable=True))
    op.add_column("contents", sa.Column("raw_size", sa.Integer(), nullable=True))
    op.drop_constraint(op.f("ck_contents_body"), "contents", type_="check")
    op.create_check_constraint(
        op.f("ck_contents_body"),
        "contents",
        "html IS NOT NULL OR text IS NOT NULL OR raw_file_id IS NOT NULL",
    )
    op.create_check_constraint(
        op.f("ck_contents_raw"), "contents", "(raw_file_id IS NULL) = (raw_size IS NULL)"
    )


def downgrade() -> None:
    op.execute("DELETE FROM contents WHERE raw_file_id IS NOT NULL")
    op.drop_constraint(op.f("ck_contents_raw"), "contents", type_="check")
    op.drop_constraint(op.f("ck_contents_body"), "contents", type_="check")
    op.create_check_constraint(op.f("ck_contents_body"), "contents", "html IS NOT NULL OR text IS NOT NULL")
    op.drop_column("contents", "raw_size")
    op.drop_column("contents", "raw_file_id")
