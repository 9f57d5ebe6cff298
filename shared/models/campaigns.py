"""Campaigns, and who got each: the ledger that makes a fan-out exact."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)

from shared.campaign_states import STATUSES
from shared.models.columns import Json, Moment, account_column, created_column, id_column, metadata, one_of

#: Rows of one campaign's counts: senders at once would wait for each other on a single one.
COUNT_SLOTS = 16

campaigns = Table(
    "campaigns",
    metadata,
    id_column(),
    account_column(),
    # whose key made it; none: a person
    Column("credential_id", Uuid),
    Column("name", Text, nullable=False),
    Column("status", Text, nullable=False, server_default="draft"),
    Column("subject", Text, nullable=False),
    Column("from_email", Text, nullable=False),
    Column("from_name", Text),
    Column("reply_to", Text),
    # which template its subject and bodies were copied from, where one was named
    Column("template_id", Uuid),
    Column("content_html", Text),
    Column("content_text", Text),
    # who gets it, as the API says it: {"list_ids", "segment_id", "tag_ids", "exclude_list_ids", …}
    Column("audience", Json, nullable=False),
    # null: as the install says
    Column("track_opens", Boolean),
    Column("track_clicks", Boolean),
    # made with a test key: its mail goes nowhere
    Column("test", Boolean, nullable=False, server_default=text("false")),
    # as in `500/minute`; null: as fast as it goes. What is left of it, and since when: a token bucket
    Column("rate_limit", Text),
    Column("tokens", Float, nullable=False, server_default="0"),
    Column("tokens_at", Moment),
    # what was frozen when sending began: subject and bodies as one row of contents
    Column("content_id", Uuid),
    # how many its audience had when sending began
    Column("total", Integer),
    # the last contact of the audience that has its row in the ledger; the fan-out goes on behind it
    Column("cursor", Uuid),
    # rows in the ledger so far, and when the audience's end was reached
    Column("expanded", Integer, nullable=False, server_default="0"),
    Column("expanded_at", Moment),
    # when it is next owed attention; null: never, it has come to its end or waits for a person
    Column("work_at", Moment),
    Column("send_at", Moment),
    Column("started_at", Moment),
    Column("finished_at", Moment),
    # since when everybody may read it; null: only who got it
    Column("archived_at", Moment),
    # why it failed, for a person
    Column("error", Text),
    created_column(),
    Column("updated_at", Moment, nullable=False, server_default=text("now()")),
    one_of("status", STATUSES),
    Index("ix_campaigns_account_id_id", "account_id", "id"),
    Index(
        "ix_campaigns_under_way",
        "work_at",
        postgresql_where=text("work_at IS NOT NULL"),
    ),
)

# How many of a campaign's emails came to which end, in slots that are added up. Written with the outcome
# itself.
campaign_counts = Table(
    "campaign_counts",
    metadata,
    Column("campaign_id", Uuid, ForeignKey("campaigns.id", ondelete="CASCADE"), primary_key=True),
    Column("slot", SmallInteger, primary_key=True),
    Column("sent", Integer, nullable=False, server_default="0"),
    Column("bounced", Integer, nullable=False, server_default="0"),
    Column("failed", Integer, nullable=False, server_default="0"),
    Column("suppressed", Integer, nullable=False, server_default="0"),
    Column("cancelled", Integer, nullable=False, server_default="0"),
    # updated for every chunk of outcomes: room for the next version beside the last
    postgresql_with={"fillfactor": 40},
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
