"""Emails' pages keep room for the next version, as recipients' do: their partitions of before get it, too."""

from __future__ import annotations

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_SET = """
    DO $$
    DECLARE part regclass;
    BEGIN
        FOR part IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'emails'::regclass LOOP
            EXECUTE format('ALTER TABLE %s {}', part);
        END LOOP;
    END $$
"""


def upgrade() -> None:
    op.execute(_SET.format("SET (fillfactor = 45)"))


def downgrade() -> None:
    op.execute(_SET.format("RESET (fillfactor)"))
