"""What MTAs and returned mail say of our emails, stored before it is understood."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Index, LargeBinary, Table, Text, Uuid, text

from shared.models.columns import Json, Moment, id_column, metadata, one_of

#: applied: it changed something · repeated: it said what was known · unmatched: it is about no email we know
REPORT_OUTCOMES = ("applied", "repeated", "unmatched")

delivery_reports = Table(
    "delivery_reports",
    metadata,
    id_column(),
    # SHA-256 of what it says: the same report twice is one
    Column("digest", LargeBinary, nullable=False, unique=True),
    # who said so: postfix, bounce, feedback
    Column("source", Text, nullable=False),
    Column("report", Json, nullable=False),
    Column("received_at", Moment, nullable=False, server_default=text("now()")),
    # not before: the sender is just recording this email
    Column("due_at", Moment, nullable=False, server_default=text("now()")),
    Column("processed_at", Moment),
    Column("outcome", Text),
    Column("email_id", Uuid),
    CheckConstraint("octet_length(digest) = 32", name="digest"),
    one_of("outcome", REPORT_OUTCOMES),
    Index("ix_delivery_reports_waiting", "due_at", postgresql_where=text("processed_at IS NULL")),
    Index("ix_delivery_reports_processed_at", "processed_at"),
)
