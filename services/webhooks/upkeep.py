"""What nobody nudges: reports whose nudge was lost are taken up again, old ones go. From a daemon thread."""

from __future__ import annotations

import threading
from datetime import timedelta

from services.webhooks import billing_sql, deliver, queries, razorpay
from services.webhooks.inbox import nudge
from shared.clock import now
from shared.contracts import ApplyBilling
from shared.db import transaction
from shared.ids import id_floor
from shared.observability import get_logger
from shared.outbox import emit_all
from shared.rounds import start_rounds
from shared.settings import settings

log = get_logger("webhooks")

_BATCH = 5_000


def start_upkeep(stop: threading.Event) -> None:
    """Sweeps until `stop`."""

    def once(_: threading.Event) -> bool:
        sweep()
        return False

    start_rounds("upkeep", once, lambda: settings().sweep_interval_seconds, stop)


def sweep() -> None:
    """One round."""
    config = settings()
    with transaction() as tx:
        grace = config.report_sweep_seconds
        waiting = list(tx.execute(queries.TAKE_WAITING, {"grace": grace, "batch": _BATCH}).scalars())
        nudge(tx, waiting)
    if waiting:
        log.warning("webhooks.reports_nudged", reports=len(waiting))
    with transaction() as tx:
        for account_id in tx.execute(billing_sql.BILLING_DUE).scalars().all():
            if tx.execute(billing_sql.LOCK_ACCOUNT, {"id": str(account_id)}).scalar():
                razorpay.settle(tx, account_id)
        missed = tx.execute(billing_sql.BILLING_WAITING, {"grace": grace}).scalars().all()
        emit_all(tx, [(ApplyBilling(id), None) for id in missed])
    with transaction() as tx:
        owed = tx.execute(queries.TAKE_OWED, {"grace": config.sweep_grace_seconds, "batch": _BATCH}).all()
        emit_all(tx, [(deliver.nudge(row.id, failing=row.failures > 0), None) for row in owed])
        tx.execute(queries.EXPIRE_DELIVERIES, {"horizon": config.webhook_horizon_seconds, "batch": _BATCH})
    with transaction() as tx:
        floor = str(id_floor(now() - timedelta(days=config.webhook_keep_days)))
        tx.execute(queries.FORGET_DELIVERIES, {"floor": floor, "batch": _BATCH})
        tx.execute(queries.FORGET_REPORTS, {"days": config.report_keep_days, "batch": _BATCH})
