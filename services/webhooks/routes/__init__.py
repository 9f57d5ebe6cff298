"""Every blueprint of the webhooks service and who may pass its door."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint

from services.webhooks.auth import check_postfix_secret
from services.webhooks.routes import postfix, razorpay

#: blueprint → its guard; one that is not here answers nobody
MOUNTS: tuple[tuple[Blueprint, Callable[[], None]], ...] = (
    (postfix.blueprint, check_postfix_secret),  # POST /api/webhooks/postfix
    (razorpay.blueprint, razorpay.check_signature),  # POST /api/webhooks/razorpay
)

GUARDS: dict[str, Callable[[], None]] = {blueprint.name: guard for blueprint, guard in MOUNTS}
