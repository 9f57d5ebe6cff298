"""What a claim hands to the rest of the sender: everything one email needs, read once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from services.sender.dkim import Signer
from services.sender.outcomes import Outcome
from services.sender.tracked import Reader


class Recipient(NamedTuple):
    """One address of an email.

    `open` says whether this attempt still has to serve it; `suppression` why it must not be served any more.
    """

    position: int
    kind: str
    address: str
    name: str | None
    status: str
    open: bool
    suppression: str | None = None


@dataclass(frozen=True)
class Attachment:
    """A file that goes with an email: what it is called, and which one it is. `cid`: HTML refers to it."""

    file_id: UUID
    size: int
    filename: str
    content_type: str
    cid: str | None


@dataclass(frozen=True)
class RawFile:
    """A message that came as a whole, and is sent as it came: which file it is."""

    file_id: UUID
    size: int


@dataclass(frozen=True)
class Content:
    """What an email says, as stored; shared by all that use it. With `raw`, that is the whole message."""

    subject: str
    html: str | None
    text: str | None
    attachments: Sequence[Attachment] = ()
    raw: RawFile | None = None


# not frozen: that takes four times as long to make, for each of a million
@dataclass(slots=True)
class Job:
    """One claimed email. Its id is text, as nearly all that is done with it needs it; `attempt` its fencing
    token: only this claim's holder may record it.

    `sender` and `reply_to` are (display name, address); without `variables` the content is no template.
    `signers` are the active DKIM keys of the sender's domain; `return_path`: bounces go to its own host.
    `wanted_at` is when it was to be sent: its schedule, or else when it was accepted. Without a `reader`
    nothing is tracked, and there is no link to unsubscribe by.
    """

    email_id: str
    account_id: UUID
    attempt: int
    stream: str
    message_id: str
    wanted_at: datetime
    request_id: str | None
    test: bool
    sender: tuple[str | None, str]
    reply_to: list[tuple[str | None, str]]
    headers: list[tuple[str, str]]
    variables: dict[str, Any] | None
    content_id: UUID
    content: Content
    recipients: list[Recipient]
    signers: Sequence[Signer] = ()
    return_path: bool = False
    reader: Reader | None = None
    contact_id: UUID | None = None
    campaign_id: UUID | None = None

    def values(self, url: str | None) -> Mapping[str, Any]:
        """What fills a template: the variables, and `url`, where to unsubscribe. A sender's own way out
        stands, but in bulk mail it is ours.
        """
        given = self.variables
        if given is None or url is None or (self.stream != "bulk" and given.get("unsubscribe_url")):
            return given or {}
        return {**given, "unsubscribe_url": url}

    def unsubscribe_url(self) -> str | None:
        """Where this email's reader unsubscribes."""
        if self.reader is None:
            return None
        who = self.reader
        return who.urls.unsubscribe(who.whom, self.contact_id, self.campaign_id)


class Attempt(NamedTuple):
    """What came of one job: an outcome for each recipient it served, and the relay that said so."""

    email_id: str
    attempt: int
    relay: str | None
    outcomes: list[Outcome]
