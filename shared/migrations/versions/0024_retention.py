"""An account may keep bodies, events and its log for another time than the settings say."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_COLUMNS = ("keep_bodies_days", "keep_events_days", "keep_logs_days")


def upgrade() -> None:
    for name in _COLUMNS:
        op.add_column("accounts", sa.Column(name, sa.Integer()))


def downgrade() -> None:
    for name in reversed(_COLUMNS):
        op.drop_column("accounts", name)
