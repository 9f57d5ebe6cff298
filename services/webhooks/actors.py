"""What the webhooks service does with a nudge."""

from __future__ import annotations

from services.webhooks import razorpay
from services.webhooks.apply import apply
from services.webhooks.deliver import deliver
from services.webhooks.replay import replay
from shared.broker import consumes
from shared.contracts import ApplyBilling, ApplyReports, DeliverWebhooks, ReplayEvents, RetryWebhooks
from shared.db import transaction


@consumes(ApplyReports)
def apply_reports(message: ApplyReports) -> None:
    """Delivery reports that wait."""
    with transaction() as tx:
        apply(tx, message.ids)


@consumes(DeliverWebhooks)
def deliver_webhooks(message: DeliverWebhooks) -> None:
    """What an endpoint in good standing is owed."""
    deliver(message.endpoint_id, slow=False)


@consumes(RetryWebhooks)
def retry_webhooks(message: RetryWebhooks) -> None:
    """What an endpoint that fails is owed."""
    deliver(message.endpoint_id, slow=True)


@consumes(ReplayEvents)
def replay_events(message: ReplayEvents) -> None:
    """The next page of a range that is told once more."""
    with transaction() as tx:
        replay(tx, message.replay_id)


@consumes(ApplyBilling)
def apply_billing(message: ApplyBilling) -> None:
    """What follows from an event of the payment provider."""
    with transaction() as tx:
        razorpay.apply(tx, message.event_id)
