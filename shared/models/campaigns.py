"""Campaigns, and who got each: the ledger that makes a fan-out exact."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Table, Text, Uuid, text

from shared.models.columns import Json, Moment, account_column, created_column, id_column, metadata, one_of

CAMPAIGN_STATUSES = ("draft", "scheduled", "sending", "paused", "sent", "cancelled", "failed")

campaigns = Table(
    "campaigns",
    metadata,
    id_column(),
    account_column(),
    Column("name", Text, nullable=False),
    Column("status", Text, nullable=False, server_default="draft"),
    Column("subject", Text, nullable=False),
    Column("from_email", Text, nullable=False),
    Column("from_name", Text),
    Column("reply_to", Text),
    Column("content_html", Text),
    Column("content_text", Text),
    # who gets it, as the API says it: {"list_ids", "segment_id", "tag_ids", "exclude_list_ids", …}
    Column("audience", Json, nullable=False),
    # what was frozen when sending began: subject and bodies as one row of contents
    Column("content_id", Uuid),
    # the last contact of the audience that has its row in the ledger; the fan-out goes on behind it
    Column("cursor", Uuid),
    Column("send_at", Moment),
    Column("started_at", Moment),
    Column("finished_at", Moment),
    created_column(),
    Column("updated_at", Moment, nullable=False, server_default=text("now()")),
    one_of("status", CAMPAIGN_STATUSES),
    Index("ix_campaigns_account_id_id", "account_id", "id"),
    Index(
        "ix_campaigns_under_way",
        "send_at",
        postgresql_where=text("status IN ('scheduled', 'sending')"),
    ),
)

# One row a contact that a campaign was sent to: written with the email, in one transaction, and the last
# word on who has it. It outlives the email, which retention drops, for segments by behaviour.
campaign_recipients = Table(
    "campaign_recipients",
    metadata,
    Column("campaign_id", Uuid, ForeignKey("campaigns.id", ondelete="CASCADE"), primary_key=True),
    Column("contact_id", Uuid, primary_key=True),
    Column("email_id", Uuid, nullable=False),
    # the first open and click that were a person's, and a machine's
    Column("opened_at", Moment),
    Column("clicked_at", Moment),
    Column("machine_opened_at", Moment),
    Column("machine_clicked_at", Moment),
    Index("ix_campaign_recipients_contact_id", "contact_id"),
)
