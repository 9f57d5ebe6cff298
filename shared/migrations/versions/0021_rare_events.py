"""What few emails have is found among all of them: scheduled and unknown ones, and events by their type."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_BEFORE = "status IN ('deferred', 'bounced', 'failed', 'complained', 'cancelled', 'suppressed')"
_TROUBLE = "status IN ('scheduled', 'unknown', 'deferred', 'bounced', 'failed', 'complained', 'cancelled', 'suppressed')"
_RARE = (
    "type IN ('email.scheduled', 'email.cancelled', 'email.deferred', 'email.unknown', 'email.bounced', "
    "'email.failed', 'email.suppressed', 'email.complained', 'email.reclassified', 'email.unsubscribed')"
)


def upgrade() -> None:
    _index_trouble(_TROUBLE)
    op.create_index(
        "ix_events_rare", "events", ["account_id", "type", "email_id"], postgresql_where=sa.text(_RARE)
    )


def downgrade() -> None:
    op.drop_index("ix_events_rare", table_name="events")
    _index_trouble(_BEFORE)


def _index_trouble(which: str) -> None:
    op.drop_index("ix_emails_trouble", table_name="emails")
    op.create_index(
        "ix_emails_trouble", "emails", ["account_id", "status", "id"], postgresql_where=sa.text(which)
    )
