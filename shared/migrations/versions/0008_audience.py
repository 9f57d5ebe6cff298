"""Contacts, lists and tags; campaigns and their ledger; opens and clicks of recipients."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "campaigns",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="draft", nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("from_email", sa.Text(), nullable=False),
        sa.Column("from_name", sa.Text(), nullable=True),
        sa.Column("reply_to", sa.Text(), nullable=True),
        sa.Column("content_html", sa.Text(), nullable=True),
        sa.Column("content_text", sa.Text(), nullable=True),
        sa.Column("audience", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("content_id", sa.Uuid(), nullable=True),
        sa.Column("cursor", sa.Uuid(), nullable=True),
        sa.Column("send_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "status IN ('draft', 'scheduled', 'sending', 'paused', 'sent', 'cancelled', 'failed')",
            name=op.f("ck_campaigns_status"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_campaigns_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaigns")),
    )
    op.create_index("ix_campaigns_account_id_id", "campaigns", ["account_id", "id"], unique=False)
    op.create_index(
        "ix_campaigns_under_way",
        "campaigns",
        ["send_at"],
        unique=False,
        postgresql_where=sa.text("status IN ('scheduled', 'sending')"),
    )
    op.create_table(
        "contacts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("email_key", sa.Text(), nullable=False),
        sa.Column("first_name", sa.Text(), nullable=True),
        sa.Column("last_name", sa.Text(), nullable=True),
        sa.Column(
            "metadata",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("last_activity_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("jsonb_typeof(metadata) = 'object'", name=op.f("ck_contacts_metadata")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_contacts_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contacts")),
    )
    op.create_index("ix_contacts_account_id_id", "contacts", ["account_id", "id"], unique=False)
    op.create_index("uq_contacts_account_id_email_key", "contacts", ["account_id", "email_key"], unique=True)
    op.create_table(
        "lists",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("opt_in", sa.Text(), server_default="single", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("opt_in IN ('single', 'double')", name=op.f("ck_lists_opt_in")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_lists_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lists")),
    )
    op.create_index("ix_lists_account_id_id", "lists", ["account_id", "id"], unique=False)
    op.create_table(
        "tags",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("color", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("color ~ '^#[0-9A-Fa-f]{6}$'", name=op.f("ck_tags_color")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_tags_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tags")),
    )
    op.create_index(
        "uq_tags_account_id_name", "tags", ["account_id", sa.literal_column("lower(name)")], unique=True
    )
    op.create_table(
        "campaign_recipients",
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("email_id", sa.Uuid(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("clicked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("machine_opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("machine_clicked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["campaigns.id"],
            name=op.f("fk_campaign_recipients_campaign_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("campaign_id", "contact_id", name=op.f("pk_campaign_recipients")),
    )
    op.create_index("ix_campaign_recipients_contact_id", "campaign_recipients", ["contact_id"], unique=False)
    op.create_table(
        "contact_tags",
        sa.Column("tag_id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name=op.f("fk_contact_tags_contact_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["tag_id"], ["tags.id"], name=op.f("fk_contact_tags_tag_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tag_id", "contact_id", name=op.f("pk_contact_tags")),
    )
    op.create_index("ix_contact_tags_contact_id", "contact_tags", ["contact_id"], unique=False)
    op.create_table(
        "subscriptions",
        sa.Column("list_id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "status IN ('unconfirmed', 'subscribed', 'unsubscribed')", name=op.f("ck_subscriptions_status")
        ),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name=op.f("fk_subscriptions_contact_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["list_id"], ["lists.id"], name=op.f("fk_subscriptions_list_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("list_id", "contact_id", name=op.f("pk_subscriptions")),
    )
    op.create_index("ix_subscriptions_contact_id", "subscriptions", ["contact_id"], unique=False)
    op.add_column("emails", sa.Column("tags", sa.ARRAY(sa.Text()), nullable=True))
    op.add_column("emails", sa.Column("track_opens", sa.Boolean(), nullable=True))
    op.add_column("emails", sa.Column("track_clicks", sa.Boolean(), nullable=True))
    op.add_column("emails", sa.Column("campaign_id", sa.Uuid(), nullable=True))
    op.add_column("emails", sa.Column("contact_id", sa.Uuid(), nullable=True))
    op.add_column("recipients", sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("recipients", sa.Column("clicked_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("recipients", sa.Column("machine_opened_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("recipients", sa.Column("machine_clicked_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("recipients", sa.Column("opens", sa.Integer(), server_default="0", nullable=False))
    op.add_column("recipients", sa.Column("clicks", sa.Integer(), server_default="0", nullable=False))
    op.add_column("recipients", sa.Column("machine_opens", sa.Integer(), server_default="0", nullable=False))
    op.add_column("recipients", sa.Column("machine_clicks", sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    op.drop_column("recipients", "machine_clicks")
    op.drop_column("recipients", "machine_opens")
    op.drop_column("recipients", "clicks")
    op.drop_column("recipients", "opens")
    op.drop_column("recipients", "machine_clicked_at")
    op.drop_column("recipients", "machine_opened_at")
    op.drop_column("recipients", "clicked_at")
    op.drop_column("recipients", "opened_at")
    op.drop_column("emails", "contact_id")
    op.drop_column("emails", "campaign_id")
    op.drop_column("emails", "track_clicks")
    op.drop_column("emails", "track_opens")
    op.drop_column("emails", "tags")
    op.drop_index("ix_subscriptions_contact_id", table_name="subscriptions")
    op.drop_table("subscriptions")
    op.drop_index("ix_contact_tags_contact_id", table_name="contact_tags")
    op.drop_table("contact_tags")
    op.drop_index("ix_campaign_recipients_contact_id", table_name="campaign_recipients")
    op.drop_table("campaign_recipients")
    op.drop_index("uq_tags_account_id_name", table_name="tags")
    op.drop_table("tags")
    op.drop_index("ix_lists_account_id_id", table_name="lists")
    op.drop_table("lists")
    op.drop_index("uq_contacts_account_id_email_key", table_name="contacts")
    op.drop_index("ix_contacts_account_id_id", table_name="contacts")
    op.drop_table("contacts")
    op.drop_index(
        "ix_campaigns_under_way",
        table_name="campaigns",
        postgresql_where=sa.text("status IN ('scheduled', 'sending')"),
    )
    op.drop_index("ix_campaigns_account_id_id", table_name="campaigns")
    op.drop_table("campaigns")
