"""Accounts: users, password resets, audit log; scopes and rotation of credentials; DKIM keys and checks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_log",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("object_type", sa.Text(), nullable=False),
        sa.Column("object_id", sa.Uuid(), nullable=True),
        sa.Column("data", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("ip", sa.Text(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "actor IN ('user', 'credential', 'operator', 'system')", name=op.f("ck_audit_log_actor")
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_audit_log_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_log")),
    )
    op.create_index("ix_audit_log_account_id_id", "audit_log", ["account_id", "id"], unique=False)
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("last_login_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("password_changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("role IN ('owner', 'admin', 'developer', 'viewer')", name=op.f("ck_users_role")),
        sa.CheckConstraint("email = lower(email)", name=op.f("ck_users_email")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_users_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("email", name=op.f("uq_users_email")),
    )
    op.create_index("ix_users_account_id_id", "users", ["account_id", "id"], unique=False)
    op.create_table(
        "dkim_keys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("selector", sa.Text(), nullable=False),
        sa.Column("algorithm", sa.Text(), nullable=False),
        sa.Column("private_key", sa.LargeBinary(), nullable=False),
        sa.Column("master_key_id", sa.Text(), nullable=False),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("activated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "algorithm IN ('rsa-sha256', 'ed25519-sha256')", name=op.f("ck_dkim_keys_algorithm")
        ),
        sa.CheckConstraint(
            "status IN ('pending', 'active', 'retiring', 'revoked')", name=op.f("ck_dkim_keys_status")
        ),
        sa.ForeignKeyConstraint(
            ["domain_id"], ["domains.id"], name=op.f("fk_dkim_keys_domain_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dkim_keys")),
    )
    op.create_index("uq_dkim_keys_domain_id_selector", "dkim_keys", ["domain_id", "selector"], unique=True)
    op.create_table(
        "password_resets",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("octet_length(token_hash) = 32", name=op.f("ck_password_resets_token_hash")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_password_resets_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_password_resets")),
    )
    op.create_index(op.f("ix_password_resets_user_id"), "password_resets", ["user_id"], unique=False)
    op.add_column("credentials", sa.Column("scopes", sa.ARRAY(sa.Text()), nullable=True))
    op.add_column("credentials", sa.Column("allowed_ips", sa.ARRAY(sa.Text()), nullable=True))
    op.add_column("credentials", sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("credentials", sa.Column("previous_key_hash", sa.LargeBinary(), nullable=True))
    op.add_column(
        "credentials", sa.Column("previous_key_expires_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column("credentials", sa.Column("smtp_username", sa.Text(), nullable=True))
    op.add_column("credentials", sa.Column("smtp_password_hash", sa.LargeBinary(), nullable=True))
    op.add_column("credentials", sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True))
    op.create_unique_constraint(
        op.f("uq_credentials_previous_key_hash"), "credentials", ["previous_key_hash"]
    )
    op.create_unique_constraint(op.f("uq_credentials_smtp_username"), "credentials", ["smtp_username"])
    op.add_column(
        "domains",
        sa.Column("checks", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
    )
    op.add_column("domains", sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("domains", sa.Column("next_check_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "domains",
        sa.Column("return_path_verified", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.add_column(
        "domains",
        sa.Column("tracking_verified", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.create_index("ix_domains_next_check_at", "domains", ["next_check_at"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_domains_next_check_at", table_name="domains")
    op.drop_column("domains", "tracking_verified")
    op.drop_column("domains", "return_path_verified")
    op.drop_column("domains", "next_check_at")
    op.drop_column("domains", "checked_at")
    op.drop_column("domains", "checks")
    op.drop_constraint(op.f("uq_credentials_smtp_username"), "credentials", type_="unique")
    op.drop_constraint(op.f("uq_credentials_previous_key_hash"), "credentials", type_="unique")
    op.drop_column("credentials", "deleted_at")
    op.drop_column("credentials", "smtp_password_hash")
    op.drop_column("credentials", "smtp_username")
    op.drop_column("credentials", "previous_key_expires_at")
    op.drop_column("credentials", "previous_key_hash")
    op.drop_column("credentials", "expires_at")
    op.drop_column("credentials", "allowed_ips")
    op.drop_column("credentials", "scopes")
    op.drop_index(op.f("ix_password_resets_user_id"), table_name="password_resets")
    op.drop_table("password_resets")
    op.drop_index("uq_dkim_keys_domain_id_selector", table_name="dkim_keys")
    op.drop_table("dkim_keys")
    op.drop_index("ix_users_account_id_id", table_name="users")
    op.drop_table("users")
    op.drop_index("ix_audit_log_account_id_id", table_name="audit_log")
    op.drop_table("audit_log")
