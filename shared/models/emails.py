"""What is sent: contents with their attachments and files, emails, recipients and events.

All are partitioned by month on a UUIDv7, so that a look-up by id touches one partition and retention drops
whole months. They refer to each other without foreign keys: bodies are dropped before the logs that used
them, and checking a key for each of a hundred recipients took 8.7 of the 10.9 ms of their insert. They are
only ever written together, in one transaction.
"""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)

from shared import states
from shared.models.columns import Json, Moment, account_column, created_column, id_column, metadata, one_of

STREAMS = ("transactional", "bulk")
KINDS = ("to", "cc", "bcc")
#: Whether a Message-ID is not `<id@domain>` of our own making; as SQL, word for word as in the index.
FOREIGN_MESSAGE_ID = "split_part(message_id, '@', 1) <> '<' || id::text"

#: Few emails have one of these for long, and they are what a log is asked for; as SQL, as in the index.
TROUBLE = ("scheduled", "unknown", "deferred", "bounced", "failed", "complained", "cancelled", "suppressed")
#: Events that few emails have, likewise.
RARE_EVENTS = (
    "email.scheduled",
    "email.cancelled",
    "email.deferred",
    "email.unknown",
    "email.bounced",
    "email.failed",
    "email.suppressed",
    "email.complained",
    "email.reclassified",
    "email.unsubscribed",
)

contents = Table(
    "contents",
    metadata,
    id_column(),
    account_column(),
    # templates when the email has variables, else taken as they are
    Column("subject", Text, nullable=False),
    Column("html", Text),
    Column("text", Text),
    # how many it has: who reads contents need not ask for what is not there
    Column("attachments", SmallInteger, nullable=False, server_default="0"),
    # a message that came as a whole, by SMTP: which of `files` it is, and how many octets it has
    Column("raw_file_id", Uuid),
    Column("raw_size", Integer),
    created_column(),
    CheckConstraint("html IS NOT NULL OR text IS NOT NULL OR raw_file_id IS NOT NULL", name="body"),
    CheckConstraint("(raw_file_id IS NULL) = (raw_size IS NULL)", name="raw"),
    postgresql_partition_by="RANGE (id)",
)

attachments = Table(
    "attachments",
    metadata,
    Column("content_id", Uuid, primary_key=True),
    Column("position", SmallInteger, primary_key=True),
    Column("filename", Text, nullable=False),
    Column("content_type", Text, nullable=False),
    # Content-ID without brackets: an inline part that HTML refers to as cid:…
    Column("cid", Text),
    Column("file_id", Uuid, nullable=False),
    Column("size", Integer, nullable=False),
    postgresql_partition_by="RANGE (content_id)",
)

# What attachments carry, and messages that came as a whole; once for all emails of a request that carry the
# same. Made in the same moment as the contents that need it, so both can be dropped in the same month.
files = Table(
    "files",
    metadata,
    id_column(),
    Column("account_id", Uuid, nullable=False),
    Column("data", LargeBinary, nullable=False),
    postgresql_partition_by="RANGE (id)",
)

emails = Table(
    "emails",
    metadata,
    id_column(),
    # no foreign keys: accounts and credentials are never deleted, and a look at theirs for each of a million
    # costs 4 µs
    Column("account_id", Uuid, nullable=False),
    Column("credential_id", Uuid),
    Column("content_id", Uuid, nullable=False),
    Column("stream", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("from_address", Text, nullable=False),
    Column("from_name", Text),
    # [{"address", "name"}, …]
    Column("reply_to", Json),
    # custom headers as [[name, value], …], in the order given
    Column("headers", Json),
    # as the recipient sees it: variables filled in
    Column("subject", Text, nullable=False),
    # what fills the content's variables; null: the content has none
    Column("variables", Json),
    # accepted with a test key, or only to simulator addresses: never handed to a relay, outside statistics
    # and billing
    Column("test", Boolean, nullable=False, server_default=text("false")),
    # what the client files it under
    Column("tags", ARRAY(Text)),
    # whether opens and clicks are tracked; null: as its domain or campaign says
    Column("track_opens", Boolean),
    Column("track_clicks", Boolean),
    # of a campaign's email: which, and to whom
    Column("campaign_id", Uuid),
    Column("contact_id", Uuid),
    # when the client asked for it to be sent; null: at once
    Column("send_at", Moment),
    # when this email is next owed attention: its schedule, its retry, or the end of the lease on it
    Column("due_at", Moment, nullable=False),
    # counts claims; the number a claim got is its fencing token
    Column("attempts", Integer, nullable=False, server_default="0"),
    # how often it went out again after a lost DATA reply
    Column("resends", SmallInteger, nullable=False, server_default="0"),
    # why it waits or failed, in the words of the last attempt
    Column("last_error", Text),
    Column("request_id", Text),
    created_column(),
    Column("updated_at", Moment, nullable=False, server_default=text("now()")),
    one_of("stream", STREAMS),
    one_of("status", states.LADDER),
    Index("ix_emails_account_id_id", "account_id", "id"),
    Index(
        "ix_emails_unfinished",
        "due_at",
        postgresql_where=text(f"status IN ({', '.join(repr(state) for state in states.UNFINISHED)})"),
    ),
    # apart from the above: what is due must be found at once behind a backlog of a million queued emails
    Index("ix_emails_scheduled", "due_at", postgresql_where=text("status = 'scheduled'")),
    # an MTA's report names a Message-ID, which holds our id unless a client of SMTP brought its own
    Index("ix_emails_foreign_message_id", "message_id", postgresql_where=text(FOREIGN_MESSAGE_ID)),
    # costs an email that is never in trouble nothing: changing its status makes new entries as it is
    Index(
        "ix_emails_trouble",
        "account_id",
        "status",
        "id",
        postgresql_where=text(f"status IN ({', '.join(repr(state) for state in TROUBLE)})"),
    ),
    postgresql_partition_by="RANGE (id)",
)

recipients = Table(
    "recipients",
    metadata,
    Column("email_id", Uuid, primary_key=True),
    Column("position", SmallInteger, primary_key=True),
    Column("account_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    # as it goes into the envelope: the local part as given, the domain in A-label form
    Column("address", Text, nullable=False),
    Column("name", Text),
    Column("status", Text, nullable=False),
    Column("smtp_code", SmallInteger),
    # the relay's last reply to this recipient, and which relay it was
    Column("smtp_reply", Text),
    Column("relay", Text),
    # of a refusal: hard, soft or block, and why (shared.bounces)
    Column("bounce_class", Text),
    Column("bounce_reason", Text),
    # the first open and click that were a person's, and a machine's; how often each happened
    Column("opened_at", Moment),
    Column("clicked_at", Moment),
    Column("machine_opened_at", Moment),
    Column("machine_clicked_at", Moment),
    Column("opens", Integer, nullable=False, server_default="0"),
    Column("clicks", Integer, nullable=False, server_default="0"),
    Column("machine_opens", Integer, nullable=False, server_default="0"),
    Column("machine_clicks", Integer, nullable=False, server_default="0"),
    Column("updated_at", Moment, nullable=False, server_default=text("now()")),
    one_of("kind", KINDS),
    one_of("status", states.LADDER),
    Index("ix_recipients_account_id_address", "account_id", "address", "email_id"),
    # parts of an address (btree_gin, pg_trgm). Written once: what changes of a recipient is not in it. The
    # same of subjects would be written anew whenever an email changes its status, at four times the cost.
    Index(
        "ix_recipients_searched",
        "account_id",
        text("lower(address) gin_trgm_ops"),
        postgresql_using="gin",
        postgresql_with={"gin_pending_list_limit": 16384},
    ),
    postgresql_partition_by="RANGE (email_id)",
)

events = Table(
    "events",
    metadata,
    id_column(),
    Column("account_id", Uuid, nullable=False),
    # none: it is about something else (domain.*, contact.*, campaign.*), which its data name
    Column("email_id", Uuid),
    # which recipient; none where the event speaks of the whole email
    Column("position", SmallInteger),
    # past tense: email.accepted, email.sent, email.deferred …
    Column("type", Text, nullable=False),
    # which process saw it: gateway, sender, postfix, tracker …
    Column("source", Text, nullable=False),
    Column("occurred_at", Moment, nullable=False),
    Column("data", Json),
    # the transaction that wrote it: what gives the feed an order that nothing can join late (event_feed.py)
    Column("xid", BigInteger, nullable=False, server_default=text("pg_current_xact_id()::text::bigint")),
    Index("ix_events_email_id", "email_id", "id"),
    Index("ix_events_feed", "account_id", "xid", "id"),
    # what is looked for in a log, at no cost to an email to which nothing of it happens
    Index(
        "ix_events_rare",
        "account_id",
        "type",
        "email_id",
        postgresql_where=text(f"type IN ({', '.join(repr(type) for type in RARE_EVENTS)})"),
    ),
    postgresql_partition_by="RANGE (id)",
)
