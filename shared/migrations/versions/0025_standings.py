"""Standings don't ask for their list row by row: whoever adds some has locked it."""

from __future__ import annotations

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_constraint("fk_subscriptions_list_id", "subscriptions", type_="foreignkey")


def downgrade() -> None:
    op.create_foreign_key(
        "fk_subscriptions_list_id", "subscriptions", "lists", ["list_id"], ["id"], ondelete="CASCADE"
    )
