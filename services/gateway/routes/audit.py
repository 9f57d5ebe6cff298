"""The audit log: who changed what that matters to security."""

from __future__ import annotations

from typing import Any

from services.gateway import views
from services.gateway.auth import principal
from services.gateway.routes.blueprint import Blueprint
from services.gateway.schemas.audit import AuditListSchema, AuditQuerySchema
from services.gateway.windows import Window
from shared.db import transaction

blueprint = Blueprint(
    "audit",
    __name__,
    url_prefix="/api",
    scope="admin",
    guide="api-keys",
    description="Who changed what matters to security.",
)


@blueprint.operation("/audit", "GET", query=AuditQuerySchema, answers=(200, AuditListSchema))
def list_audit_log(query: dict[str, Any]) -> dict[str, Any]:
    """List the audit log

    Every change to credentials, domains, keys, users and sessions, newest first.
    """
    with transaction() as tx:
        rows, has_more = views.audit_page(
            tx, principal().account_id, Window.of(query), query.get("action"), query.get("object_id")
        )
    return {"object": "list", "has_more": has_more, "data": rows}
