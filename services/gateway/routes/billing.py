"""The account's plan, what was used of it, and what was paid."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from services.gateway import quotas
from services.gateway.auth import principal
from services.gateway.routes.blueprint import Blueprint
from services.gateway.schemas.billing import BillingSchema
from shared.clock import now
from shared.db import transaction
from shared.models import billing_accounts, payments
from shared.plans import Plan, held_until, is_held
from shared.settings import settings

blueprint = Blueprint(
    "billing", __name__, url_prefix="/api", scope="read", guide="billing", description="Plan and payments."
)

_LISTED = 100


@blueprint.operation("/billing", "GET", answers=(200, BillingSchema))
def show_billing() -> dict[str, Any]:
    """Show plan, usage and payments

    Where this install bills nobody, `enabled` is false and the plan null.
    """
    who = principal()
    with transaction() as tx:
        daily, monthly = quotas.usage(tx, who)
        found = tx.execute(select(billing_accounts).where(billing_accounts.c.account_id == who.account_id))
        standing = dict(found.mappings().one_or_none() or {})
        paid = select(payments).where(payments.c.account_id == who.account_id)
        rows = tx.execute(paid.order_by(payments.c.happened_at.desc(), payments.c.id).limit(_LISTED))
        listed = [dict(row) for row in rows.mappings()]
    return {
        "object": "billing",
        "enabled": bool(settings().plans),
        "plan": _in_force(standing),
        "state": standing.get("state", "none"),
        "subscription_id": standing.get("subscription_id"),
        "paid_through": standing.get("paid_through"),
        "grace_until": standing.get("grace_until"),
        "daily": daily,
        "monthly": monthly,
        "payments": listed,
    }


def _in_force(standing: dict[str, Any]) -> Plan | None:
    plans = settings().plans
    if not plans:
        return None
    if not standing.get("plan"):
        return plans.default
    state = standing["state"]
    until = held_until(state, standing["paid_through"], standing["grace_until"])
    return plans.get(standing["plan"]) if is_held(state, until, now()) else plans.default
