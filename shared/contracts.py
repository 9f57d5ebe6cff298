"""Every message that crosses a queue, declared once.

A contract is a frozen dataclass of ids and small scalars; it is never the only copy of anything. Fields are
only ever added, with defaults; unknown keys are ignored, so old and new processes understand each other.
Each contract has exactly one consumer: the actor `<service>.<function>` named by its class.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Any, ClassVar, Self


@dataclass(frozen=True)
class Contract:
    """What all messages share: where they go and how they become JSON."""

    queue: ClassVar[str]
    actor: ClassVar[str]

    def payload(self) -> dict[str, Any]:
        """The message as JSON-able keyword arguments of its actor."""
        return asdict(self)

    @classmethod
    def parse(cls, payload: dict[str, Any]) -> Self:
        """The message out of `payload`, ignoring keys this version does not know."""
        known = {item.name for item in fields(cls)}
        return cls(**{key: value for key, value in payload.items() if key in known})


@dataclass(frozen=True)
class EmailIds(Contract):
    """A chunk of email ids (UUIDs as text). Chunks merge: one message a mail costs more than the mail."""

    ids: tuple[str, ...]

    def merged(self, others: list[EmailIds], at_most: int) -> list[Self]:
        """This and `others` as few messages of `at_most` ids each, in order, without repeats."""
        chunks: list[EmailIds] = [self, *others]
        ids = tuple(dict.fromkeys(id for chunk in chunks for id in chunk.ids))
        return [replace(self, ids=ids[start : start + at_most]) for start in range(0, len(ids), at_most)]


@dataclass(frozen=True)
class SendEmails(EmailIds):
    """Transactional emails that are due. Gateway, sender (retries) and sweeper say it; the sender acts."""

    queue: ClassVar[str] = "sender"
    actor: ClassVar[str] = "sender.send_emails"


@dataclass(frozen=True)
class SendBulkEmails(EmailIds):
    """Campaign emails that are due: the same work in a queue and pool of its own."""

    queue: ClassVar[str] = "sender-bulk"
    actor: ClassVar[str] = "sender.send_bulk_emails"


#: stream of an email → the message that has it sent
SEND_BY_STREAM: dict[str, type[EmailIds]] = {"transactional": SendEmails, "bulk": SendBulkEmails}

#: name in the outbox → contract
CONTRACTS: dict[str, type[Contract]] = {kind.__name__: kind for kind in (SendEmails, SendBulkEmails)}
