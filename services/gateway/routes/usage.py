"""What counts towards the account's quotas."""

from __future__ import annotations

from typing import Any

from services.gateway import quotas
from services.gateway.auth import principal
from services.gateway.routes.blueprint import Blueprint
from services.gateway.schemas.usage import UsageSchema
from shared.db import transaction

blueprint = Blueprint(
    "usage", __name__, url_prefix="/api", scope="read", guide="limits", description="Quotas and their use."
)


@blueprint.operation("/usage", "GET", answers=(200, UsageSchema))
def show_usage() -> dict[str, Any]:
    """Show usage and quotas

    Recipients accepted this day and this month (UTC), and how many are left where there is a quota.
    """
    with transaction() as tx:
        daily, monthly = quotas.usage(tx, principal())
    return {"object": "usage", "daily": daily, "monthly": monthly}
