"""The tables, one family a file. SQLAlchemy Core: a row is a row, and every statement is in sight."""

from shared.models.accounts import accounts, credentials, domains
from shared.models.columns import metadata
from shared.models.emails import contents, emails, events, recipients
from shared.models.outbox import outbox

__all__ = [
    "accounts",
    "contents",
    "credentials",
    "domains",
    "emails",
    "events",
    "metadata",
    "outbox",
    "recipients",
]
