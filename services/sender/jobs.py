"""What a claim hands to the rest of the sender: everything one email needs, read once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.sender.outcomes import Outcome


@dataclass(frozen=True)
class Recipient:
    """One address of an email. `open` says whether this attempt still has to serve it."""

    position: int
    kind: str
    address: str
    name: str | None
    status: str
    open: bool


@dataclass(frozen=True)
class Content:
    """What an email says, as stored; shared by all that use it. `reply_to`: (display name, address)."""

    from_address: str
    from_name: str | None
    reply_to: list[tuple[str | None, str]]
    subject: str
    html: str | None
    text: str | None
    headers: list[tuple[str, str]]


@dataclass(frozen=True)
class Job:
    """One claimed email. `attempt` is its fencing token: only this claim's holder may record it."""

    email_id: UUID
    account_id: UUID
    attempt: int
    stream: str
    message_id: str
    created_at: datetime
    request_id: str | None
    content: Content
    recipients: list[Recipient]


@dataclass(frozen=True)
class Attempt:
    """What came of one job: an outcome for each recipient it served, and the relay that said so."""

    email_id: UUID
    attempt: int
    relay: str | None
    outcomes: list[Outcome]
