"""Razorpay's webhooks: who says so, what is in them, and the rows that follow.

Stored first, answered, understood after: the event's row is what counts, and processing it again changes
nothing. Whose an event is, the subscription's `notes.account_id` says, which whoever makes it sets; an event
that names nobody waits until another of the same subscription does.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from services.webhooks import billing_sql
from services.webhooks.billing import PAYMENTS, Event, best, fold
from shared.clock import now
from shared.contracts import ApplyBilling
from shared.models.billing import PAYMENT_STATUSES
from shared.outbox import emit
from shared.settings import settings


def is_genuine(raw: bytes, signature: str, secrets: Sequence[str]) -> bool:
    """Whether `signature` is the lower-case hex HMAC-SHA-256 of the raw body under one of `secrets`."""
    made = [hmac.new(secret.encode(), raw, "sha256").hexdigest() for secret in secrets]
    matches = [hmac.compare_digest(signature.encode(), one.encode()) for one in made]  # all, whichever fits
    return any(matches)


def store(tx: Connection, event_id: str, body: Mapping[str, Any]) -> bool:
    """Stores an event and says that it waits; False: it was there already."""
    subscription_id = entity(body, "subscription").get("id") or entity(body, "invoice").get("subscription_id")
    notes = [entity(body, name).get("notes") for name in ("subscription", "payment", "invoice", "order")]
    accounts = [account for item in notes if (account := _account(item))]
    known = tx.execute(
        billing_sql.STORE_BILLING_EVENT,
        {
            "id": event_id,
            "type": str(body.get("event", ""))[:100],
            "subscription_id": _text(subscription_id),
            "account_id": str(accounts[0]) if accounts else None,
            "payload": json.dumps(body),
            "happened_at": _moment(body.get("created_at")) or now(),
        },
    ).scalar()
    if known is not None:
        emit(tx, ApplyBilling(event_id))
    return known is not None


def apply(tx: Connection, event_id: str) -> None:
    """What follows from an event, together with all others about the same account."""
    event = tx.execute(billing_sql.TAKE_BILLING_EVENT, {"id": event_id}).one_or_none()
    if event is None:
        return
    account_id = event.account_id or _owner(tx, event.subscription_id)
    if account_id is not None and tx.execute(billing_sql.LOCK_ACCOUNT, {"id": str(account_id)}).scalar():
        settle(tx, account_id)
        rows = tx.execute(billing_sql.EVENTS_OF_ACCOUNT, {"account": str(account_id)}).all()
        _note_payments(tx, account_id, rows)
    tx.execute(billing_sql.FINISH_BILLING_EVENT, {"id": event_id})


def settle(tx: Connection, account_id: UUID) -> None:
    """Folds the account's events into its plan and its quotas, as of now."""
    config, moment = settings(), now()
    by_subscription: dict[str, list[Event]] = {}
    for row in tx.execute(billing_sql.EVENTS_OF_ACCOUNT, {"account": str(account_id)}):
        if row.subscription_id:
            by_subscription.setdefault(row.subscription_id, []).append(_event(row))
    grace = timedelta(seconds=config.billing_grace_seconds)
    found = best([(id, fold(events, grace)) for id, events in by_subscription.items()], moment)
    if found is None or not config.plans:
        return
    subscription_id, standing = found
    paid_for = config.plans.of_razorpay(standing.plan_id)
    in_force = paid_for if paid_for and standing.holds(moment) else config.plans.default
    # 0: any number; null leaves it to the default plan and the install
    unlimited = None if in_force is config.plans.default else 0
    due_at = standing.due_at if standing.due_at and standing.due_at > moment else None
    tx.execute(
        billing_sql.WRITE_BILLING,
        {
            "account": str(account_id),
            "subscription": subscription_id,
            "plan": paid_for.id if paid_for else None,
            "state": standing.state,
            "paid_through": standing.paid_through,
            "grace_until": standing.grace_until,
            "due_at": due_at,
            "daily": in_force.daily or unlimited,
            "monthly": in_force.monthly or unlimited,
        },
    )


def entity(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    """`payload.<name>.entity` of an event; empty where it has none."""
    payload = body.get("payload")
    found = payload.get(name) if isinstance(payload, dict) else None
    inner = found.get("entity") if isinstance(found, dict) else None
    return inner if isinstance(inner, dict) else {}


def _owner(tx: Connection, subscription_id: str | None) -> UUID | None:
    if subscription_id is None:
        return None
    owner: UUID | None = tx.execute(billing_sql.OWNER_OF_SUBSCRIPTION, {"id": subscription_id}).scalar()
    return owner


def _note_payments(tx: Connection, account_id: UUID, rows: Sequence[Any]) -> None:
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        paid, status = entity(row.payload, "payment"), PAYMENTS.get(row.type)
        if status is None or not _text(paid.get("id")):
            continue
        known = found.get(paid["id"])
        if known and PAYMENT_STATUSES.index(known["status"]) >= PAYMENT_STATUSES.index(status):
            continue
        found[paid["id"]] = {
            "id": paid["id"],
            "account_id": str(account_id),
            "subscription_id": row.subscription_id,
            "invoice_id": _text(paid.get("invoice_id")),
            "status": status,
            "amount": _number(paid.get("amount")),
            "currency": str(paid.get("currency") or "INR"),
            "happened_at": _moment(paid.get("created_at")) or row.happened_at,
        }
    for values in found.values():
        tx.execute(billing_sql.WRITE_PAYMENT, values)


def _event(row: Any) -> Event:
    subscription = entity(row.payload, "subscription")
    return Event(
        row.id,
        row.type,
        row.happened_at,
        _text(subscription.get("plan_id")),
        _moment(subscription.get("current_end")),
    )


def _account(notes: Any) -> UUID | None:
    try:
        return UUID(str(notes["account_id"])) if isinstance(notes, dict) else None
    except (KeyError, ValueError):
        return None


def _text(value: Any) -> str | None:
    return value[:200] if isinstance(value, str) else None


def _moment(seconds: Any) -> datetime | None:
    if not isinstance(seconds, int) or isinstance(seconds, bool) or not 0 < seconds < 10**11:
        return None
    return datetime.fromtimestamp(seconds, UTC)


def _number(value: Any) -> int:
    return value if isinstance(value, int) and abs(value) < 2**62 else 0
