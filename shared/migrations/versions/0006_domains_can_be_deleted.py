"""Domains can be deleted: credentials that were deleted before stay, without one, for the emails that name them."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_KEY = "fk_credentials_domain_id"


def upgrade() -> None:
    op.drop_constraint(op.f(_KEY), "credentials", type_="foreignkey")
    op.create_foreign_key(op.f(_KEY), "credentials", "domains", ["domain_id"], ["id"], ondelete="SET NULL")
    op.alter_column("credentials", "domain_id", nullable=True)
    op.create_check_constraint(
        op.f("ck_credentials_domain"), "credentials", "domain_id IS NOT NULL OR deleted_at IS NOT NULL"
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_credentials_domain"), "credentials", type_="check")
    op.execute(
        "UPDATE emails SET credential_id = NULL WHERE credential_id IN (SELECT id FROM credentials WHERE domain_id IS NULL)"
    )
    op.execute("DELETE FROM credentials WHERE domain_id IS NULL")
    op.alter_column("credentials", "domain_id", nullable=False)
    op.drop_constraint(op.f(_KEY), "credentials", type_="foreignkey")
    op.create_foreign_key(op.f(_KEY), "credentials", "domains", ["domain_id"], ["id"])
