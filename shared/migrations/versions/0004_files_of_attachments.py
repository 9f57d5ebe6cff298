"""Attachments name files: one that many emails of a request carry is stored once.

`attachments` had no rows before this: nothing wrote any.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from shared.clock import now
from shared.partitions import ensure_partitions

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "files",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_files")),
        postgresql_partition_by="RANGE (id)",
    )
    # files are mostly compressed already, and a slice of what is stored as it is can be read by itself
    op.execute("ALTER TABLE files ALTER COLUMN data SET STORAGE EXTERNAL")
    ensure_partitions(op.get_bind(), now(), ("files",))
    op.drop_column("attachments", "data")
    op.add_column("attachments", sa.Column("file_id", sa.Uuid(), nullable=False))
    op.add_column("attachments", sa.Column("size", sa.Integer(), nullable=False))
    op.add_column("contents", sa.Column("attachments", sa.SmallInteger(), server_default="0", nullable=False))


def downgrade() -> None:
    op.drop_column("contents", "attachments")
    op.execute("DELETE FROM attachments")
    op.drop_column("attachments", "size")
    op.drop_column("attachments", "file_id")
    op.add_column("attachments", sa.Column("data", sa.LargeBinary(), nullable=False))
    op.execute("ALTER TABLE attachments ALTER COLUMN data SET STORAGE EXTERNAL")
    op.drop_table("files")
