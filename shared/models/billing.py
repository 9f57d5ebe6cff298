"""Who has paid for what: events of the payment provider, stored first, and what follows from them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Table, Text, Uuid, text

from shared.models.columns import Json, Moment, metadata, one_of

#: none: no subscription yet · grace: a failed charge is tried again · ending: paid for until `paid_through`
BILLING_STATES = ("none", "active", "grace", "halted", "paused", "ending")
PAYMENT_STATUSES = ("created", "failed", "authorized", "captured", "refunded")

billing_events = Table(
    "billing_events",
    metadata,
    # the provider's own, by which repeats are told
    Column("id", Text, primary_key=True),
    Column("type", Text, nullable=False),
    Column("subscription_id", Text),
    # whom its notes name
    Column("account_id", Uuid),
    Column("payload", Json, nullable=False),
    # when it happened, by the provider's clock (whole seconds)
    Column("happened_at", Moment, nullable=False),
    Column("received_at", Moment, nullable=False, server_default=text("now()")),
    Column("processed_at", Moment),
    Index("ix_billing_events_subscription_id", "subscription_id"),
    Index("ix_billing_events_account_id", "account_id"),
    Index("ix_billing_events_waiting", "received_at", postgresql_where=text("processed_at IS NULL")),
)

# What all events of an account's subscriptions come to.
billing_accounts = Table(
    "billing_accounts",
    metadata,
    Column("account_id", Uuid, ForeignKey("accounts.id"), primary_key=True),
    Column("subscription_id", Text),
    # an id of MAILMATIC_PLANS: what is paid for, whether or not it is in force
    Column("plan", Text),
    Column("state", Text, nullable=False),
    Column("paid_through", Moment),
    Column("grace_until", Moment),
    # when the plan in force changes by time alone
    Column("due_at", Moment),
    Column("updated_at", Moment, nullable=False, server_default=text("now()")),
    one_of("state", BILLING_STATES),
    Index("ix_billing_accounts_due_at", "due_at"),
)

payments = Table(
    "payments",
    metadata,
    # the provider's own
    Column("id", Text, primary_key=True),
    Column("account_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    Column("subscription_id", Text),
    Column("invoice_id", Text),
    Column("status", Text, nullable=False),
    # in the smallest unit of the currency: paise
    Column("amount", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("happened_at", Moment, nullable=False),
    one_of("status", PAYMENT_STATUSES),
    Index("ix_payments_account_id", "account_id", "happened_at"),
)
