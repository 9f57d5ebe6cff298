"""Every message that crosses a queue, declared once.

A contract is a frozen dataclass of ids and small scalars; it is never the only copy of anything. Fields are
only ever added, with defaults; unknown keys are ignored, so old and new processes understand each other.
Each contract has exactly one consumer: the actor `<service>.<function>` named by its class.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
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

    #: ids in one message
    most: ClassVar[int] = 100

    ids: tuple[str, ...]

    @classmethod
    def chunked(cls, ids: Iterable[object]) -> list[Self]:
        """As few messages as `ids` (UUIDs or text) need, in order, without repeats."""
        unique = tuple(dict.fromkeys(map(str, ids)))
        return [cls(unique[start : start + cls.most]) for start in range(0, len(unique), cls.most)]


@dataclass(frozen=True)
class SendEmails(EmailIds):
    """Transactional emails that are due. Gateway, sender (retries) and sweeper say it; the sender acts."""

    queue: ClassVar[str] = "sender"
    actor: ClassVar[str] = "sender.send_emails"


@dataclass(frozen=True)
class SendBulkEmails(EmailIds):
    """Campaign emails that are due: the same work in a queue and pool of its own, in larger chunks."""

    most: ClassVar[int] = 500
    queue: ClassVar[str] = "sender-bulk"
    actor: ClassVar[str] = "sender.send_bulk_emails"


@dataclass(frozen=True)
class ApplyReports(EmailIds):
    """Delivery reports (their ids) that wait. The webhooks service stores them, says it and acts."""

    queue: ClassVar[str] = "webhooks-in"
    actor: ClassVar[str] = "webhooks.apply_reports"


@dataclass(frozen=True)
class WorkOnCampaigns(Contract):
    """Campaigns that are owed a step: fan-out, cancelling, completion. Gateway and scheduler say it."""

    queue: ClassVar[str] = "campaigns"
    actor: ClassVar[str] = "campaigns.work_on_campaigns"

    ids: tuple[str, ...]


@dataclass(frozen=True)
class RecordHits(Contract):
    """Opens, clicks and ways out, as lines (services.tracker.hits). The tracker says it, its writer acts.

    The one message that is the only copy of what it tells: a hit has no row to agree with.
    """

    hits: tuple[str, ...]

    queue: ClassVar[str] = "tracker"
    actor: ClassVar[str] = "tracker.record_hits"


@dataclass(frozen=True)
class LoadContacts(Contract):
    """A file of contacts that waits in the database. Gateway and sweeper say it; a campaigns worker acts."""

    queue: ClassVar[str] = "campaigns"
    actor: ClassVar[str] = "campaigns.load_contacts"

    import_id: str


@dataclass(frozen=True)
class WriteExport(Contract):
    """A report that is to be written as a file. Gateway and sweeper say it; a campaigns worker acts."""

    queue: ClassVar[str] = "campaigns"
    actor: ClassVar[str] = "campaigns.write_export"

    export_id: str


@dataclass(frozen=True)
class DeliverWebhooks(Contract):
    """An endpoint (its id) in good standing is owed deliveries. The webhooks service says it and acts."""

    endpoint_id: str
    queue: ClassVar[str] = "webhooks-out"
    actor: ClassVar[str] = "webhooks.deliver_webhooks"


@dataclass(frozen=True)
class RetryWebhooks(Contract):
    """The same of an endpoint that fails: a queue and pool of its own, so that it delays nobody."""

    endpoint_id: str
    queue: ClassVar[str] = "webhooks-slow"
    actor: ClassVar[str] = "webhooks.retry_webhooks"


@dataclass(frozen=True)
class ReplayEvents(Contract):
    """A range of events is to be told once more. The gateway says it, the webhooks service acts."""

    replay_id: str
    queue: ClassVar[str] = "webhooks-in"
    actor: ClassVar[str] = "webhooks.replay_events"


@dataclass(frozen=True)
class ApplyBilling(Contract):
    """An event of the payment provider (its id) waits. The webhooks service stores it, says it and acts."""

    event_id: str
    queue: ClassVar[str] = "webhooks-in"
    actor: ClassVar[str] = "webhooks.apply_billing"


#: stream of an email → the message that has it sent
SEND_BY_STREAM: dict[str, type[EmailIds]] = {"transactional": SendEmails, "bulk": SendBulkEmails}

#: name in the outbox → contract
CONTRACTS: dict[str, type[Contract]] = {
    kind.__name__: kind
    for kind in (
        SendEmails,
        SendBulkEmails,
        ApplyReports,
        ApplyBilling,
        DeliverWebhooks,
        RetryWebhooks,
        ReplayEvents,
        WorkOnCampaigns,
        RecordHits,
        LoadContacts,
        WriteExport,
    )
}
