"""People: users of an account, their password resets, and the log of what was done to what matters."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    Table,
    Text,
    Uuid,
    text,
)

from shared.models.columns import Json, Moment, account_column, created_column, id_column, metadata, one_of

ROLES = ("owner", "admin", "developer", "viewer")
ACTORS = ("user", "credential", "operator", "system")

users = Table(
    "users",
    metadata,
    id_column(),
    account_column(),
    # the form in which addresses are compared (shared.addresses.Address.key)
    Column("email", Text, nullable=False, unique=True),
    Column("name", Text),
    # Argon2id, encoded with its parameters
    Column("password_hash", Text, nullable=False),
    Column("role", Text, nullable=False),
    # false: may not sign in
    Column("active", Boolean, nullable=False, server_default=text("true")),
    Column("last_login_at", Moment),
    # sessions from before this are void
    Column("password_changed_at", Moment, nullable=False),
    created_column(),
    one_of("role", ROLES),
    CheckConstraint("email = lower(email)", name="email"),
    Index("ix_users_account_id_id", "account_id", "id"),
)

password_resets = Table(
    "password_resets",
    metadata,
    # SHA-256 of the random token that was mailed
    Column("token_hash", LargeBinary, primary_key=True),
    Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("expires_at", Moment, nullable=False),
    Column("used_at", Moment),
    created_column(),
    CheckConstraint("octet_length(token_hash) = 32", name="token_hash"),
)

audit_log = Table(
    "audit_log",
    metadata,
    id_column(),
    account_column(),
    Column("actor", Text, nullable=False),
    Column("actor_id", Uuid),
    # past tense: credential.created, domain.verified, user.role_changed …
    Column("action", Text, nullable=False),
    Column("object_type", Text, nullable=False),
    Column("object_id", Uuid),
    # what changed; never a secret
    Column("data", Json),
    Column("ip", Text),
    Column("request_id", Text),
    created_column(),
    one_of("actor", ACTORS),
    Index("ix_audit_log_account_id_id", "account_id", "id"),
)
