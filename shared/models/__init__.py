"""The tables, one family a file. SQLAlchemy Core: a row is a row, and every statement is in sight."""

from shared.models.accounts import accounts, credentials, domains
from shared.models.billing import billing_accounts, billing_events, payments
from shared.models.campaigns import campaign_counts, campaign_recipients, campaigns
from shared.models.columns import metadata
from shared.models.contacts import (
    contact_tags,
    contacts,
    lists,
    segments,
    subscription_history,
    subscriptions,
    tags,
)
from shared.models.dkim import dkim_keys
from shared.models.emails import attachments, contents, emails, events, files, recipients
from shared.models.exports import export_chunks, exports
from shared.models.idempotency import idempotency_keys
from shared.models.imports import import_chunks, import_rejects, imports
from shared.models.outbox import outbox
from shared.models.reports import delivery_reports
from shared.models.statistics import counted_firsts, statistics, statistics_cursors, statistics_days
from shared.models.suppressions import suppressions
from shared.models.templates import templates
from shared.models.usage import usage
from shared.models.users import audit_log, password_resets, users
from shared.models.webhooks import (
    webhook_attempts,
    webhook_cursors,
    webhook_deliveries,
    webhook_endpoints,
    webhook_replays,
)

__all__ = [
    "accounts",
    "attachments",
    "audit_log",
    "billing_accounts",
    "billing_events",
    "campaign_counts",
    "campaign_recipients",
    "campaigns",
    "contact_tags",
    "contacts",
    "contents",
    "counted_firsts",
    "credentials",
    "delivery_reports",
    "dkim_keys",
    "domains",
    "emails",
    "events",
    "export_chunks",
    "exports",
    "files",
    "idempotency_keys",
    "import_chunks",
    "import_rejects",
    "imports",
    "lists",
    "metadata",
    "outbox",
    "password_resets",
    "payments",
    "recipients",
    "segments",
    "statistics",
    "statistics_cursors",
    "statistics_days",
    "subscription_history",
    "subscriptions",
    "suppressions",
    "tags",
    "templates",
    "usage",
    "users",
    "webhook_attempts",
    "webhook_cursors",
    "webhook_deliveries",
    "webhook_endpoints",
    "webhook_replays",
]
