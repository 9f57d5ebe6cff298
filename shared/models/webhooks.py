"""Where customers want to hear what happened, what is on its way there, and every attempt."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)

from shared.models.columns import Moment, account_column, created_column, id_column, metadata, one_of

#: pending: owed an attempt at `due_at` · sending: claimed until `due_at` · failed: given up
DELIVERY_STATUSES = ("pending", "sending", "delivered", "failed")

webhook_endpoints = Table(
    "webhook_endpoints",
    metadata,
    id_column(),
    account_column(),
    Column("url", Text, nullable=False),
    Column("description", Text),
    # types, or beginnings of types that end in `.*`; null: all
    Column("events", ARRAY(Text)),
    Column("active", Boolean, nullable=False, server_default=text("true")),
    # why we switched it off: gone, failing; null where its owner did, or nobody
    Column("disabled_reason", Text),
    Column("disabled_at", Moment),
    # the signing secret, and the one before it until its overlap ends, each under a master key
    Column("secret_key_id", Text, nullable=False),
    Column("secret", LargeBinary, nullable=False),
    Column("previous_secret_key_id", Text),
    Column("previous_secret", LargeBinary),
    Column("previous_secret_expires_at", Moment),
    # failures since the last success, and since when; nothing is sent before `paused_until`
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("failing_since", Moment),
    Column("paused_until", Moment),
    Column("last_success_at", Moment),
    created_column(),
    Column("updated_at", Moment, nullable=False, server_default=text("now()")),
    Index("ix_webhook_endpoints_account_id_id", "account_id", "id"),
)

# How far an endpoint has been told; apart from it, so that telling never waits for a delivery's record.
webhook_cursors = Table(
    "webhook_cursors",
    metadata,
    Column("endpoint_id", Uuid, ForeignKey("webhook_endpoints.id", ondelete="CASCADE"), primary_key=True),
    # the last event that was told, in the order of the feed (shared.event_feed)
    Column("xid", BigInteger, nullable=False),
    Column("event_id", Uuid, nullable=False),
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    id_column(),
    Column("endpoint_id", Uuid, ForeignKey("webhook_endpoints.id", ondelete="CASCADE"), nullable=False),
    Column("account_id", Uuid, nullable=False),
    # the webhook-id that its reader tells repeats by
    Column("webhook_id", Text, nullable=False),
    Column("type", Text, nullable=False),
    # the request's body, octet for octet what is signed
    Column("body", Text, nullable=False),
    Column("status", Text, nullable=False, server_default="pending"),
    # counts claims; the number a claim got is its fencing token
    Column("attempts", SmallInteger, nullable=False, server_default="0"),
    Column("due_at", Moment, nullable=False, server_default=text("now()")),
    Column("delivered_at", Moment),
    # asked for by the customer, not by an event
    Column("replay", Boolean, nullable=False, server_default=text("false")),
    created_column(),
    one_of("status", DELIVERY_STATUSES),
    Index("ix_webhook_deliveries_endpoint_id_id", "endpoint_id", "id"),
    Index(
        "ix_webhook_deliveries_owed",
        "endpoint_id",
        "due_at",
        postgresql_where=text("status IN ('pending', 'sending')"),
    ),
)

webhook_attempts = Table(
    "webhook_attempts",
    metadata,
    Column("delivery_id", Uuid, ForeignKey("webhook_deliveries.id", ondelete="CASCADE"), primary_key=True),
    Column("number", SmallInteger, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("duration_ms", Integer, nullable=False),
    Column("url", Text, nullable=False),
    # of the answer; null where there was none, and `error` says why
    Column("status", SmallInteger),
    Column("response", Text),
    Column("error", Text),
)

# A range of time to be told once more, and how far that has come.
webhook_replays = Table(
    "webhook_replays",
    metadata,
    id_column(),
    Column(
        "endpoint_id",
        Uuid,
        ForeignKey("webhook_endpoints.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column("account_id", Uuid, nullable=False),
    Column("since", Moment, nullable=False),
    Column("until", Moment, nullable=False),
    Column("cursor", Uuid, nullable=False),
    Column("deliveries", Integer, nullable=False, server_default="0"),
    Column("finished_at", Moment),
    created_column(),
)
