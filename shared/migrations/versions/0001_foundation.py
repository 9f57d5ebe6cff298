"""Foundation: accounts, domains, credentials, what is sent, suppressions, templates and the outbox."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.clock import now
from shared.partitions import ensure_partitions

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
    )
    op.create_table(
        "attachments",
        sa.Column("content_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("cid", sa.Text(), nullable=True),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("content_id", "position", name=op.f("pk_attachments")),
        postgresql_partition_by="RANGE (content_id)",
    )
    op.create_table(
        "events",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("email_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=True),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("data", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        postgresql_partition_by="RANGE (id)",
    )
    op.create_index("ix_events_email_id", "events", ["email_id", "id"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("contract", sa.Text(), nullable=False),
        sa.Column("payload", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("available_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
    )
    op.create_index("ix_outbox_available_at_id", "outbox", ["available_at", "id"], unique=False)
    op.create_table(
        "recipients",
        sa.Column("email_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("smtp_code", sa.SmallInteger(), nullable=True),
        sa.Column("smtp_reply", sa.Text(), nullable=True),
        sa.Column("relay", sa.Text(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("kind IN ('to', 'cc', 'bcc')", name=op.f("ck_recipients_kind")),
        sa.CheckConstraint(
            "status IN ('scheduled', 'queued', 'sending', 'unknown', 'deferred', 'sent', 'delivered', 'bounced', 'failed', 'complained', 'cancelled', 'suppressed')",
            name=op.f("ck_recipients_status"),
        ),
        sa.PrimaryKeyConstraint("email_id", "position", name=op.f("pk_recipients")),
        postgresql_partition_by="RANGE (email_id)",
    )
    op.create_index(
        "ix_recipients_account_id_address", "recipients", ["account_id", "address", "email_id"], unique=False
    )
    op.create_table(
        "contents",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("html IS NOT NULL OR text IS NOT NULL", name=op.f("ck_contents_body")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_contents_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contents")),
        postgresql_partition_by="RANGE (id)",
    )
    op.create_table(
        "domains",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="pending", nullable=False),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("name = lower(name) AND name ~ '^[a-z0-9._-]+$'", name=op.f("ck_domains_name")),
        sa.CheckConstraint("status IN ('pending', 'verified', 'failed')", name=op.f("ck_domains_status")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_domains_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_domains")),
    )
    op.create_index("uq_domains_account_id_name", "domains", ["account_id", "name"], unique=True)
    op.create_index(
        "uq_domains_verified_name",
        "domains",
        ["name"],
        unique=True,
        postgresql_where=sa.text("status = 'verified'"),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("length(key) BETWEEN 1 AND 256", name=op.f("ck_idempotency_keys_key")),
        sa.CheckConstraint("octet_length(request_hash) = 32", name=op.f("ck_idempotency_keys_request_hash")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_idempotency_keys_account_id")),
        sa.PrimaryKeyConstraint("account_id", "route", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_index(op.f("ix_idempotency_keys_expires_at"), "idempotency_keys", ["expires_at"], unique=False)
    op.create_table(
        "suppressions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("email_id", sa.Uuid(), nullable=True),
        sa.Column("event_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "reason IN ('hard_bounce', 'complaint', 'unsubscribe', 'manual')",
            name=op.f("ck_suppressions_reason"),
        ),
        sa.CheckConstraint("address = lower(address)", name=op.f("ck_suppressions_address")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_suppressions_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suppressions")),
    )
    op.create_index("ix_suppressions_account_id_id", "suppressions", ["account_id", "id"], unique=False)
    op.create_index(
        "uq_suppressions_account_id_address", "suppressions", ["account_id", "address"], unique=True
    )
    op.create_table(
        "templates",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("html IS NOT NULL OR text IS NOT NULL", name=op.f("ck_templates_body")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_templates_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_templates")),
    )
    op.create_index("ix_templates_account_id_id", "templates", ["account_id", "id"], unique=False)
    op.create_index("uq_templates_account_id_name", "templates", ["account_id", "name"], unique=True)
    op.create_table(
        "credentials",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=True),
        sa.Column("key_hash", sa.LargeBinary(), nullable=False),
        sa.Column("key_prefix", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("test", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("octet_length(key_hash) = 32", name=op.f("ck_credentials_key_hash")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_credentials_account_id")),
        sa.ForeignKeyConstraint(["domain_id"], ["domains.id"], name=op.f("fk_credentials_domain_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credentials")),
        sa.UniqueConstraint("key_hash", name=op.f("uq_credentials_key_hash")),
    )
    op.create_index("ix_credentials_account_id", "credentials", ["account_id"], unique=False)
    op.create_index(op.f("ix_credentials_domain_id"), "credentials", ["domain_id"], unique=False)
    op.create_table(
        "emails",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("credential_id", sa.Uuid(), nullable=True),
        sa.Column("content_id", sa.Uuid(), nullable=False),
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("from_address", sa.Text(), nullable=False),
        sa.Column("from_name", sa.Text(), nullable=True),
        sa.Column("reply_to", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("headers", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("variables", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("test", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("send_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("resends", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "status IN ('scheduled', 'queued', 'sending', 'unknown', 'deferred', 'sent', 'delivered', 'bounced', 'failed', 'complained', 'cancelled', 'suppressed')",
            name=op.f("ck_emails_status"),
        ),
        sa.CheckConstraint("stream IN ('transactional', 'bulk')", name=op.f("ck_emails_stream")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_emails_account_id")),
        sa.ForeignKeyConstraint(["credential_id"], ["credentials.id"], name=op.f("fk_emails_credential_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_emails")),
        postgresql_partition_by="RANGE (id)",
    )
    op.create_index("ix_emails_account_id_id", "emails", ["account_id", "id"], unique=False)
    op.create_index(
        "ix_emails_unfinished",
        "emails",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("status IN ('scheduled', 'queued', 'sending', 'unknown', 'deferred')"),
    )
    # every message passes through the outbox and leaves a dead row: vacuum it early and often
    op.execute(
        "ALTER TABLE outbox SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000,"
        " autovacuum_vacuum_cost_delay = 0)"
    )
    # attachments are mostly compressed already: try no compression on them
    op.execute("ALTER TABLE attachments ALTER COLUMN data SET STORAGE EXTERNAL")
    ensure_partitions(op.get_bind(), now(), ("contents", "attachments", "emails", "recipients", "events"))


def downgrade() -> None:
    op.drop_index(
        "ix_emails_unfinished",
        table_name="emails",
        postgresql_where=sa.text("status IN ('scheduled', 'queued', 'sending', 'unknown', 'deferred')"),
    )
    op.drop_index("ix_emails_account_id_id", table_name="emails")
    op.drop_table("emails")
    op.drop_index(op.f("ix_credentials_domain_id"), table_name="credentials")
    op.drop_index("ix_credentials_account_id", table_name="credentials")
    op.drop_table("credentials")
    op.drop_index("uq_templates_account_id_name", table_name="templates")
    op.drop_index("ix_templates_account_id_id", table_name="templates")
    op.drop_table("templates")
    op.drop_index("uq_suppressions_account_id_address", table_name="suppressions")
    op.drop_index("ix_suppressions_account_id_id", table_name="suppressions")
    op.drop_table("suppressions")
    op.drop_index(op.f("ix_idempotency_keys_expires_at"), table_name="idempotency_keys")
    op.drop_table("idempotency_keys")
    op.drop_index(
        "uq_domains_verified_name", table_name="domains", postgresql_where=sa.text("status = 'verified'")
    )
    op.drop_index("uq_domains_account_id_name", table_name="domains")
    op.drop_table("domains")
    op.drop_table("contents")
    op.drop_index("ix_recipients_account_id_address", table_name="recipients")
    op.drop_table("recipients")
    op.drop_index("ix_outbox_available_at_id", table_name="outbox")
    op.drop_table("outbox")
    op.drop_index("ix_events_email_id", table_name="events")
    op.drop_table("events")
    op.drop_table("attachments")
    op.drop_table("accounts")
