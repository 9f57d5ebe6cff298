"""How much each account has sent, a day at a time: what quotas and bills go by."""

from __future__ import annotations

from sqlalchemy import Column, Date, ForeignKey, Integer, SmallInteger, Table, Uuid

from shared.models.columns import metadata

#: Rows of one account's day: requests at once would wait for each other on a single one.
SLOTS = 16

usage = Table(
    "usage",
    metadata,
    Column("account_id", Uuid, ForeignKey("accounts.id"), primary_key=True),
    # in UTC
    Column("day", Date, primary_key=True),
    # which of the day's rows, any
    Column("slot", SmallInteger, primary_key=True),
    Column("emails", Integer, nullable=False),
    Column("recipients", Integer, nullable=False),
    info={
        "on_conflict": "(account_id, day, slot) DO UPDATE SET "
        "emails = usage.emails + excluded.emails, recipients = usage.recipients + excluded.recipients"
    },
)
