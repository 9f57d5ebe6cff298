"""Webhook endpoints and their deliveries as rows; every statement is scoped by account."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, delete, func, insert, select, update

from services.gateway.one_insert import Row
from services.gateway.windows import Window, rows_in
from shared.clock import now
from shared.contracts import Contract, DeliverWebhooks, ReplayEvents, RetryWebhooks
from shared.event_feed import now_position
from shared.ids import id_floor, new_id
from shared.models import (
    webhook_attempts,
    webhook_cursors,
    webhook_deliveries,
    webhook_endpoints,
    webhook_replays,
)
from shared.outbox import emit
from shared.webhook_secrets import encrypted, new_secret, shown

_ENDPOINT = webhook_endpoints.c
_DELIVERY = webhook_deliveries.c
_SHOWN = (
    _ENDPOINT.id,
    _ENDPOINT.url,
    _ENDPOINT.description,
    _ENDPOINT.events,
    _ENDPOINT.active,
    _ENDPOINT.disabled_reason,
    _ENDPOINT.failures,
    _ENDPOINT.failing_since,
    _ENDPOINT.paused_until,
    _ENDPOINT.last_success_at,
    _ENDPOINT.created_at,
    _ENDPOINT.updated_at,
)
_DELIVERY_SHOWN = (
    _DELIVERY.id,
    _DELIVERY.webhook_id,
    _DELIVERY.type,
    _DELIVERY.status,
    _DELIVERY.attempts,
    _DELIVERY.due_at,
    _DELIVERY.delivered_at,
    _DELIVERY.replay,
    _DELIVERY.created_at,
)


def create(tx: Connection, account_id: UUID, values: dict[str, Any]) -> tuple[Row, str]:
    """A new endpoint, which hears what happens from now on, and its secret."""
    id, secret = new_id(), new_secret()
    key_id, ciphertext = encrypted(secret)
    row = tx.execute(
        insert(webhook_endpoints)
        .values(id=id, account_id=account_id, secret_key_id=key_id, secret=ciphertext, **values)
        .returning(*_SHOWN)
    )
    made = dict(row.mappings().one())
    position = now_position(tx)
    tx.execute(insert(webhook_cursors).values(endpoint_id=id, xid=position.xid, event_id=position.id))
    return made, shown(secret)


def count(tx: Connection, account_id: UUID) -> int:
    """How many endpoints the account has."""
    query = select(func.count()).select_from(webhook_endpoints).where(_ENDPOINT.account_id == account_id)
    return int(tx.execute(query).scalar_one())


def window(tx: Connection, account_id: UUID, page: Window) -> tuple[list[Row], bool]:
    """A page of the account's endpoints, newest first, and whether there are more."""
    return rows_in(tx, select(*_SHOWN).where(_ENDPOINT.account_id == account_id), _ENDPOINT.id, page)


def get(tx: Connection, account_id: UUID, id: UUID, *, lock: bool = False) -> Row | None:
    """One endpoint; `None` if the account has none with this id."""
    query = select(*_SHOWN).where(_ENDPOINT.account_id == account_id, _ENDPOINT.id == id)
    row = tx.execute(query.with_for_update() if lock else query).mappings().one_or_none()
    return dict(row) if row else None


def change(tx: Connection, account_id: UUID, id: UUID, values: dict[str, Any]) -> Row:
    """Changes an endpoint that there is; one that is switched on, or moved, has no past failures."""
    if values.get("active") or "url" in values:
        values = {**values, "failures": 0, "failing_since": None, "paused_until": None}
    if values.get("active"):
        values |= {"disabled_reason": None, "disabled_at": None}
    mine = (_ENDPOINT.account_id == account_id) & (_ENDPOINT.id == id)
    statement = update(webhook_endpoints).where(mine).values(updated_at=now(), **values).returning(*_SHOWN)
    return dict(tx.execute(statement).mappings().one())


def start_from_now(tx: Connection, id: UUID) -> None:
    """An endpoint that is switched on again hears what happens from now on, and what it was owed already."""
    position = now_position(tx)
    at = {"xid": position.xid, "event_id": position.id}
    tx.execute(update(webhook_cursors).where(webhook_cursors.c.endpoint_id == id).values(at))
    emit(tx, DeliverWebhooks(str(id)))


def rotate(tx: Connection, account_id: UUID, id: UUID, overlap: timedelta) -> str:
    """A new secret; the one until now signs along for `overlap`."""
    secret = new_secret()
    key_id, ciphertext = encrypted(secret)
    values: dict[str, Any] = {
        "previous_secret_key_id": _ENDPOINT.secret_key_id if overlap else None,
        "previous_secret": _ENDPOINT.secret if overlap else None,
        "previous_secret_expires_at": now() + overlap if overlap else None,
        "secret_key_id": key_id,
        "secret": ciphertext,
        "updated_at": now(),
    }
    mine = (_ENDPOINT.account_id == account_id) & (_ENDPOINT.id == id)
    tx.execute(update(webhook_endpoints).where(mine).values(values))
    return shown(secret)


def remove(tx: Connection, account_id: UUID, id: UUID) -> None:
    """Deletes an endpoint with all its deliveries."""
    mine = (_ENDPOINT.account_id == account_id) & (_ENDPOINT.id == id)
    tx.execute(delete(webhook_endpoints).where(mine))


def add_delivery(tx: Connection, account_id: UUID, endpoint: Row, values: dict[str, Any]) -> Row:
    """A delivery that the customer asked for, due at once."""
    statement = insert(webhook_deliveries).values(
        id=new_id(), account_id=account_id, endpoint_id=endpoint["id"], replay=True, **values
    )
    made = dict(tx.execute(statement.returning(*_DELIVERY_SHOWN)).mappings().one())
    emit(tx, _nudge(endpoint))
    return made


def deliveries(
    tx: Connection, account_id: UUID, endpoint_id: UUID, page: Window, status: str | None
) -> tuple[list[Row], bool]:
    """A page of an endpoint's deliveries, newest first, and whether there are more."""
    query = select(*_DELIVERY_SHOWN).where(
        _DELIVERY.endpoint_id == endpoint_id, _DELIVERY.account_id == account_id
    )
    if status:
        query = query.where(_DELIVERY.status == status)
    return rows_in(tx, query, _DELIVERY.id, page)


def delivery(tx: Connection, account_id: UUID, endpoint_id: UUID, id: UUID) -> Row | None:
    """One delivery with its body and every attempt; `None` if the endpoint has none with this id."""
    query = select(*_DELIVERY_SHOWN, _DELIVERY.body).where(
        _DELIVERY.account_id == account_id, _DELIVERY.endpoint_id == endpoint_id, _DELIVERY.id == id
    )
    row = tx.execute(query).mappings().one_or_none()
    if row is None:
        return None
    tried = select(webhook_attempts).where(webhook_attempts.c.delivery_id == id)
    attempts = tx.execute(tried.order_by(webhook_attempts.c.number)).mappings().all()
    return {**row, "tries": [dict(item) for item in attempts]}


def start_replay(
    tx: Connection, account_id: UUID, endpoint_id: UUID, since: datetime, until: datetime
) -> Row:
    """Has what happened in a range of time told once more."""
    statement = insert(webhook_replays).values(
        id=new_id(),
        account_id=account_id,
        endpoint_id=endpoint_id,
        since=since,
        until=until,
        cursor=id_floor(since),
    )
    made = dict(tx.execute(statement.returning(webhook_replays)).mappings().one())
    emit(tx, ReplayEvents(str(made["id"])))
    return made


def _nudge(endpoint: Row) -> Contract:
    return (RetryWebhooks if endpoint["failures"] else DeliverWebhooks)(str(endpoint["id"]))
