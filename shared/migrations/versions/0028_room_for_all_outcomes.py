"""Recipients' pages keep room for every outcome: with a quarter of those on other pages, each of its indexes got
another entry.
"""

from __future__ import annotations

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

_SET = """
    DO $$
    DECLARE part regclass;
    BEGIN
        FOR part IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'recipients'::regclass LOOP
            EXECUTE format('ALTER TABLE %s {}', part);
        END LOOP;
    END $$
"""


def upgrade() -> None:
    op.execute(_SET.format("SET (fillfactor = 40)"))


def downgrade() -> None:
    op.execute(_SET.format("SET (fillfactor = 55)"))
