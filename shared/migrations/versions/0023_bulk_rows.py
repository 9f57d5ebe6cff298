"""What comes by the million is not checked against accounts row by row, and its trigrams wait in longer lists."""

from __future__ import annotations

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_KEYS = (("contacts", "account_id", "accounts"), ("emails", "account_id", "accounts"),
         ("emails", "credential_id", "credentials"))  # fmt: skip


def upgrade() -> None:
    for table, column, _ in _KEYS:
        op.drop_constraint(f"fk_{table}_{column}", table, type_="foreignkey")
    op.execute("ALTER INDEX ix_contacts_search SET (gin_pending_list_limit = 32768)")


def downgrade() -> None:
    op.execute("ALTER INDEX ix_contacts_search SET (gin_pending_list_limit = 16384)")
    for table, column, referred in _KEYS:
        op.create_foreign_key(f"fk_{table}_{column}", table, referred, [column], ["id"])
