"""Accounts: users, password resets, audit log; scopes and rotation of credentials; DKIM keys and checks."""

from __future__ import annotations

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
