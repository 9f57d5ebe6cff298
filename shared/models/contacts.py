"""Whom an account writes to: contacts, the lists they are on, and their tags."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Table,
    Text,
    Uuid,
    text,
)

from shared.models.columns import Json, Moment, account_column, created_column, id_column, metadata, one_of

#: single: who is added is subscribed · double: who is added confirms it by mail first
OPT_INS = ("single", "double")
SUBSCRIPTION_STATUSES = ("unconfirmed", "subscribed", "unsubscribed")

lists = Table(
    "lists",
    metadata,
    id_column(),
    account_column(),
    Column("name", Text, nullable=False),
    Column("description", Text),
    Column("opt_in", Text, nullable=False, server_default="single"),
    created_column(),
    Column("updated_at", Moment, nullable=False, server_default=text("now()")),
    one_of("opt_in", OPT_INS),
    Index("ix_lists_account_id_id", "account_id", "id"),
)

#: What a search looks into, in lower case: address, first and last name.
SEARCHED = "email_key || ' ' || lower(coalesce(first_name, '')) || ' ' || lower(coalesce(last_name, ''))"

# One person an account, whatever lists they are on.
contacts = Table(
    "contacts",
    metadata,
    id_column(),
    # no foreign key: accounts are never deleted, and a look at theirs for each of a million costs 4 µs
    Column("account_id", Uuid, nullable=False),
    # as it goes into the envelope: the local part as given, the domain in A-label form
    Column("email", Text, nullable=False),
    # the form in which addresses are compared (shared.addresses.address_key), as suppressions have it
    Column("email_key", Text, nullable=False),
    Column("first_name", Text),
    Column("last_name", Text),
    # what else is known of them: a flat or nested object, {{metadata.key}} in templates
    Column("metadata", Json, nullable=False, server_default=text("'{}'")),
    # the last open or click that was a person's, not a machine's
    Column("last_activity_at", Moment),
    created_column(),
    Column("updated_at", Moment, nullable=False, server_default=text("now()")),
    CheckConstraint("jsonb_typeof(metadata) = 'object'", name="metadata"),
    Index("uq_contacts_account_id_email_key", "account_id", "email_key", unique=True),
    Index("ix_contacts_account_id_id", "account_id", "id"),
    # Parts of an address or a name, within the account (btree_gin, pg_trgm). One expression, because names
    # occur in addresses; a long pending list, because rows come by the ten thousand. Trigrams of each column
    # apart, in lists of 4 MB, made imports eight times slower; this does by a tenth.
    Index(
        "ix_contacts_search",
        "account_id",
        text(f"({SEARCHED}) gin_trgm_ops"),
        postgresql_using="gin",
        postgresql_with={"gin_pending_list_limit": 32768},
    ),
)

# A contact's standing on a list. It stays when they unsubscribe: nobody is resubscribed by an import.
subscriptions = Table(
    "subscriptions",
    metadata,
    # no foreign key: who adds rows locks their list once, and not once for each of a million
    Column("list_id", Uuid, primary_key=True),
    Column("contact_id", Uuid, ForeignKey("contacts.id", ondelete="CASCADE"), primary_key=True),
    Column("account_id", Uuid, nullable=False),
    Column("status", Text, nullable=False),
    # what set the status: api, import, confirmation, tracker, mailto …
    Column("source", Text, nullable=False),
    # the campaign whose mail made them unsubscribe, where one did
    Column("campaign_id", Uuid),
    created_column(),
    Column("changed_at", Moment, nullable=False, server_default=text("now()")),
    one_of("status", SUBSCRIPTION_STATUSES),
    Index("ix_subscriptions_contact_id", "contact_id"),
)

# What a standing was before it changed: with the present one, the whole history. Who is added and never
# changes has no row here.
subscription_history = Table(
    "subscription_history",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("account_id", Uuid, nullable=False),
    Column("list_id", Uuid, ForeignKey("lists.id", ondelete="CASCADE"), nullable=False),
    Column("contact_id", Uuid, ForeignKey("contacts.id", ondelete="CASCADE"), nullable=False),
    Column("status", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("campaign_id", Uuid),
    Column("since", Moment, nullable=False),
    Column("until", Moment, nullable=False, server_default=text("now()")),
    one_of("status", SUBSCRIPTION_STATUSES),
    Index("ix_subscription_history_contact_id", "contact_id"),
    Index("ix_subscription_history_list_id", "list_id"),
)

tags = Table(
    "tags",
    metadata,
    id_column(),
    account_column(),
    Column("name", Text, nullable=False),
    # #RRGGBB
    Column("color", Text, nullable=False),
    created_column(),
    CheckConstraint("color ~ '^#[0-9A-Fa-f]{6}$'", name="color"),
    Index("uq_tags_account_id_name", "account_id", text("lower(name)"), unique=True),
)

contact_tags = Table(
    "contact_tags",
    metadata,
    Column("tag_id", Uuid, ForeignKey("tags.id", ondelete="CASCADE"), primary_key=True),
    Column("contact_id", Uuid, ForeignKey("contacts.id", ondelete="CASCADE"), primary_key=True),
    Column("account_id", Uuid, nullable=False),
    created_column(),
    Index("ix_contact_tags_contact_id", "contact_id"),
)

segments = Table(
    "segments",
    metadata,
    id_column(),
    account_column(),
    Column("name", Text, nullable=False),
    Column("description", Text),
    # as the API says them and shared.audience.rules reads them; asked anew whenever they are needed
    Column("rules", Json, nullable=False),
    created_column(),
    Column("updated_at", Moment, nullable=False, server_default=text("now()")),
    Index("ix_segments_account_id_id", "account_id", "id"),
)
