"""Who sends: accounts, their domains and their credentials."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
    text,
)

from shared.models.columns import Json, Moment, account_column, created_column, id_column, metadata, one_of

DOMAIN_STATUSES = ("pending", "verified", "failed")

accounts = Table(
    "accounts",
    metadata,
    id_column(),
    Column("name", Text, nullable=False),
    # recipients it may send to in a day and in a month; null: what the settings say, 0: any number
    Column("quota_daily", Integer),
    Column("quota_monthly", Integer),
    # for how many days bodies, events and the log are kept; null: what the settings say
    Column("keep_bodies_days", Integer),
    Column("keep_events_days", Integer),
    Column("keep_logs_days", Integer),
    # where it can be reached by post: what the law wants below a campaign's mail
    Column("postal_address", Text),
    created_column(),
)

domains = Table(
    "domains",
    metadata,
    id_column(),
    account_column(),
    # A-label form, lower case: the form that DNS and comparisons use
    Column("name", Text, nullable=False),
    Column("status", Text, nullable=False, server_default="pending"),
    Column("verified_at", Moment),
    # what the last look at DNS found, record by record, and when the next is due
    Column("checks", Json),
    Column("checked_at", Moment),
    Column("next_check_at", Moment),
    # the return-path and tracking hosts are used only once their records were seen
    Column("return_path_verified", Boolean, nullable=False, server_default=text("false")),
    Column("tracking_verified", Boolean, nullable=False, server_default=text("false")),
    # whether opens and clicks of its mail are tracked; null: as the install says
    Column("track_opens", Boolean),
    Column("track_clicks", Boolean),
    created_column(),
    one_of("status", DOMAIN_STATUSES),
    Index("ix_domains_next_check_at", "next_check_at"),
    CheckConstraint("name = lower(name) AND name ~ '^[a-z0-9._-]+$'", name="name"),
    Index("uq_domains_account_id_name", "account_id", "name", unique=True),
    # a domain that one account has verified can't be verified by another
    Index("uq_domains_verified_name", "name", unique=True, postgresql_where=text("status = 'verified'")),
)

credentials = Table(
    "credentials",
    metadata,
    id_column(),
    account_column(),
    # none once the domain is gone, which takes that the credential was deleted before
    Column("domain_id", Uuid, ForeignKey("domains.id", ondelete="SET NULL"), index=True),
    # local part of the default sender address
    Column("username", Text, nullable=False),
    Column("display_name", Text),
    # SHA-256 of the random key; the key itself is shown once and never stored
    Column("key_hash", LargeBinary, nullable=False, unique=True),
    # the first characters, by which a person recognises a key
    Column("key_prefix", Text, nullable=False),
    Column("active", Boolean, nullable=False, server_default=text("true")),
    # a test key (mm_test_…): what it sends is accepted and goes nowhere
    Column("test", Boolean, nullable=False, server_default=text("false")),
    # what the key may do (services.gateway.scopes); null: everything a credential may
    Column("scopes", ARRAY(Text)),
    # networks it may be used from, as CIDR; null: any
    Column("allowed_ips", ARRAY(Text)),
    Column("expires_at", Moment),
    # the key before the last rotation, valid until its overlap ends
    Column("previous_key_hash", LargeBinary, unique=True),
    Column("previous_key_expires_at", Moment),
    # SMTP submission: a login of its own, only the SHA-256 of its random password is kept
    Column("smtp_username", Text, unique=True),
    Column("smtp_password_hash", LargeBinary),
    Column("last_used_at", Moment),
    # deleted credentials stay for the emails that name them
    Column("deleted_at", Moment),
    created_column(),
    CheckConstraint("octet_length(key_hash) = 32", name="key_hash"),
    CheckConstraint("domain_id IS NOT NULL OR deleted_at IS NOT NULL", name="domain"),
    Index("ix_credentials_account_id", "account_id"),
)
