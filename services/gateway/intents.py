"""What somebody wants sent, as data, before anything is decided: from a request, a batch or SMTP."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from shared import templates
from shared.addresses import Address
from shared.models.emails import KINDS
from shared.sandbox import is_simulated

#: Longest subject, in characters, whether it was given or filled in.
MAX_SUBJECT = 998
#: Most tags of an email, and the longest (characters).
MAX_TAGS, MAX_TAG = 10, 64


@dataclass(frozen=True, slots=True)
class Recipient:
    """One address of an email, how it is addressed (`to`, `cc` or `bcc`), and where the request names it.

    `pointer` is a JSON pointer (RFC 6901) into the email's object: `/to/0`, or `/to` if that was no array.
    """

    kind: str
    address: Address
    pointer: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with an email; with a `cid` it is shown where the HTML refers to it."""

    filename: str
    content_type: str
    cid: str | None
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Raw:
    """A whole message (RFC 5322, CRLF line ends), sent as it is; `message_id` is its own, if it has one."""

    data: bytes = field(repr=False)
    message_id: str | None = None


@dataclass(frozen=True, slots=True)
class Intent:
    """An email somebody wants sent. `recipients` holds no mailbox twice and at least one.

    With `raw` that is the message, and sender and subject are what its headers say. With `variables`, subject
    and bodies are templates. With a `template_id`, those that are empty are the stored
    template's, until `personal.personalised` has filled them in.
    """

    sender: Address
    recipients: tuple[Recipient, ...]
    subject: str
    html: str | None = None
    text: str | None = None
    reply_to: tuple[Address, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    #: when it is to be sent (aware, in the future); None: at once
    send_at: datetime | None = None
    template_id: UUID | None = None
    variables: dict[str, Any] | None = None
    attachments: tuple[Attachment, ...] = ()
    raw: Raw | None = None
    tags: tuple[str, ...] = ()
    #: whether opens and clicks are tracked; None: as the domain says, or the install
    track_opens: bool | None = None
    track_clicks: bool | None = None

    @property
    def simulated(self) -> bool:
        """Whether it goes to the simulator alone (shared.sandbox)."""
        return all(is_simulated(item.address.domain) for item in self.recipients)

    @property
    def subject_line(self) -> str:
        """The subject as the recipient will see it."""
        if self.variables is None:
            return self.subject
        return templates.parse(self.subject).render_line(self.variables)


def unique_recipients(
    to: Sequence[Address],
    cc: Sequence[Address] = (),
    bcc: Sequence[Address] = (),
    *,
    arrays: Collection[str] = KINDS,
) -> tuple[Recipient, ...]:
    """All recipients in the order to, cc, bcc; a mailbox that occurs again is left out the second time.

    Args:
        arrays: which of `to`, `cc` and `bcc` the request gave as arrays; the others were single addresses.
    """
    first: dict[str, Recipient] = {}
    for kind, addresses in zip(KINDS, (to, cc, bcc), strict=True):
        for index, address in enumerate(addresses):
            pointer = f"/{kind}/{index}" if kind in arrays else f"/{kind}"
            first.setdefault(address.email, Recipient(kind, address, pointer))
    return tuple(first.values())
