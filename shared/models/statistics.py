"""What the roll-up keeps: counts by quarter of an hour and by day, how far it is, and whose opens it has."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, SmallInteger, Table, Text, Uuid

from shared.models.columns import Moment, metadata, one_of

#: By what is counted. `all` has one value, the empty one; `domain` is the sender's.
DIMENSIONS = ("all", "domain", "credential", "campaign", "tag")

#: What is counted of events, each at the time when it happened, a recipient at a time. `refused` are the
#: bounces of recipients that no relay ever took; opens and clicks are people's.
EVENT_COUNTS = (
    "sent",
    "delivered",
    "deferred",
    "bounced",
    "refused",
    "failed",
    "suppressed",
    "complained",
    "unsubscribed",
    "opens",
    "clicks",
    "machine_opens",
    "machine_clicks",
)
#: What is counted once a recipient, at the time of the first.
FIRST_COUNTS = ("opened", "clicked", "machine_opened", "machine_clicked")
COUNTS = (*EVENT_COUNTS, *FIRST_COUNTS)


def counted_by(name: str) -> Table:
    """A table of counts by what is counted and where its time `starts`."""
    return Table(
        name,
        metadata,
        Column("account_id", Uuid, primary_key=True),
        Column("dimension", Text, primary_key=True),
        Column("value", Text, primary_key=True),
        Column("starts", Moment, primary_key=True),
        *(Column(count, Integer, nullable=False, server_default="0") for count in COUNTS),
        one_of("dimension", DIMENSIONS),
    )


# A quarter of an hour: the offset of every time zone is a whole number of them, so that days anywhere are
# sums of rows.
statistics = counted_by("statistics")

# The same by whole days of UTC: what a long time comes to for each of many values is read from these.
statistics_days = counted_by("statistics_days")

# The last event that was counted, in the order of the feed (shared.event_feed).
statistics_cursors = Table(
    "statistics_cursors",
    metadata,
    Column("account_id", Uuid, ForeignKey("accounts.id"), primary_key=True),
    Column("xid", BigInteger, nullable=False),
    Column("event_id", Uuid, nullable=False),
)

# Who opened or clicked, and the quarter of an hour in which each of it is counted: what may move when an
# earlier hit comes late, or a click turns out to be a machine's.
counted_firsts = Table(
    "counted_firsts",
    metadata,
    Column("email_id", Uuid, primary_key=True),
    Column("position", SmallInteger, primary_key=True),
    *(Column(name, Moment) for name in FIRST_COUNTS),
    postgresql_partition_by="RANGE (email_id)",
)
