"""What the webhooks service does with a nudge."""

from __future__ import annotations

from services.webhooks.apply import apply
from shared.broker import consumes
from shared.contracts import ApplyReports
from shared.db import transaction


@consumes(ApplyReports)
def apply_reports(message: ApplyReports) -> None:
    """Delivery reports that wait."""
    with transaction() as tx:
        apply(tx, message.ids)
