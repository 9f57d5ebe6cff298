"""Webhook endpoints: where an account hears what happened."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from services.gateway import webhook_store
from services.gateway.auth import actor, principal
from services.gateway.errors import problem
from services.gateway.one_insert import Row
from services.gateway.routes.blueprint import Blueprint
from services.gateway.schemas.webhooks import (
    ChangeEndpointSchema,
    DeliveryListSchema,
    DeliveryQuerySchema,
    DeliverySchema,
    DeliveryWithTriesSchema,
    EndpointListSchema,
    EndpointSchema,
    NewEndpointSchema,
    NewSecretSchema,
    ReplayingSchema,
    ReplaySchema,
    RotateSecretSchema,
    TestEventSchema,
)
from services.gateway.schemas.windows import WindowQuerySchema
from services.gateway.windows import Window
from shared import audit
from shared.clock import iso, now
from shared.db import transaction
from shared.ids import new_id
from shared.settings import settings

blueprint = Blueprint(
    "webhooks",
    __name__,
    url_prefix="/api",
    scope="webhooks",
    guide="webhooks",
    description="Where your programs hear what happened.",
)

_ONE = "/webhook-endpoints/<uuid:endpoint_id>"
_DELIVERY = f"{_ONE}/deliveries/<uuid:delivery_id>"


@blueprint.operation(
    "/webhook-endpoints",
    "POST",
    body=NewEndpointSchema,
    answers=(201, NewSecretSchema),
    refuses=("too_many_endpoints",),
    body_example={
        "url": "https://example.com/hooks/mailmatic",
        "events": ["email.delivered", "email.bounced"],
    },
)
def create_webhook_endpoint(body: dict[str, Any]) -> dict[str, Any]:
    """Create a webhook endpoint

    It hears what happens from now on. Its signing secret is shown in this answer and never again.
    """
    with transaction() as tx:
        if webhook_store.count(tx, principal().account_id) >= settings().webhook_endpoints_most:
            raise problem("too_many_endpoints")
        made, secret = webhook_store.create(tx, principal().account_id, body)
        audit.record(tx, actor(), "webhook_endpoint.created", made["id"], body)
    return {**made, "secret": secret}


@blueprint.operation("/webhook-endpoints", "GET", query=WindowQuerySchema, answers=(200, EndpointListSchema))
def list_webhook_endpoints(query: dict[str, Any]) -> dict[str, Any]:
    """List webhook endpoints

    Newest first. The next page is the one `after` the last id of this one.
    """
    with transaction() as tx:
        rows, has_more = webhook_store.window(tx, principal().account_id, Window.of(query))
    return {"object": "list", "has_more": has_more, "data": rows}


@blueprint.operation(_ONE, "GET", answers=(200, EndpointSchema), refuses=("not_found",))
def get_webhook_endpoint(endpoint_id: UUID) -> dict[str, Any]:
    """Show a webhook endpoint"""
    with transaction() as tx:
        return _endpoint(tx, endpoint_id)


@blueprint.operation(
    _ONE,
    "PATCH",
    body=ChangeEndpointSchema,
    answers=(200, EndpointSchema),
    refuses=("not_found",),
    body_example={"events": ["email.*"], "active": True},
)
def change_webhook_endpoint(body: dict[str, Any], endpoint_id: UUID) -> dict[str, Any]:
    """Change a webhook endpoint

    Switch it on or off with `active`. While it is off it hears nothing; what it missed can be replayed.
    """
    with transaction() as tx:
        found = _endpoint(tx, endpoint_id, lock=True)
        if body:
            wakes = body.get("active") and not found["active"]
            found = webhook_store.change(tx, principal().account_id, endpoint_id, body)
            if wakes:
                webhook_store.start_from_now(tx, endpoint_id)
            audit.record(tx, actor(), "webhook_endpoint.updated", endpoint_id, body)
    return found


@blueprint.operation(_ONE, "DELETE", answers=(200, EndpointSchema), refuses=("not_found",))
def delete_webhook_endpoint(endpoint_id: UUID) -> dict[str, Any]:
    """Delete a webhook endpoint

    With its deliveries. Answers with what was deleted.
    """
    with transaction() as tx:
        found = _endpoint(tx, endpoint_id, lock=True)
        webhook_store.remove(tx, principal().account_id, endpoint_id)
        audit.record(tx, actor(), "webhook_endpoint.deleted", endpoint_id, {"url": found["url"]})
    return found


@blueprint.operation(
    f"{_ONE}/rotate-secret",
    "POST",
    body=RotateSecretSchema,
    answers=(200, NewSecretSchema),
    refuses=("not_found",),
)
def rotate_webhook_secret(body: dict[str, Any], endpoint_id: UUID) -> dict[str, Any]:
    """Rotate a signing secret

    Answers with a new secret. Until the overlap ends every request has a signature by each of the two.
    """
    with transaction() as tx:
        _endpoint(tx, endpoint_id, lock=True)
        overlap = timedelta(seconds=body["overlap_seconds"])
        secret = webhook_store.rotate(tx, principal().account_id, endpoint_id, overlap)
        audit.record(tx, actor(), "webhook_endpoint.rotated", endpoint_id, body)
        return {**_endpoint(tx, endpoint_id), "secret": secret}


@blueprint.operation(
    f"{_ONE}/test", "POST", body=TestEventSchema, answers=(202, DeliverySchema), refuses=("not_found",)
)
def send_test_webhook(body: dict[str, Any], endpoint_id: UUID) -> dict[str, Any]:
    """Send a test event

    What becomes of it is among the endpoint's deliveries.
    """
    said = {"type": body["type"], "timestamp": iso(now()), "data": {"test": True}}
    with transaction() as tx:
        values = {"webhook_id": str(new_id()), "type": body["type"], "body": json.dumps(said)}
        return webhook_store.add_delivery(tx, principal().account_id, _endpoint(tx, endpoint_id), values)


@blueprint.operation(
    f"{_ONE}/deliveries",
    "GET",
    query=DeliveryQuerySchema,
    answers=(200, DeliveryListSchema),
    refuses=("not_found",),
)
def list_webhook_deliveries(query: dict[str, Any], endpoint_id: UUID) -> dict[str, Any]:
    """List an endpoint's deliveries

    Newest first. The next page is the one `after` the last id of this one.
    """
    with transaction() as tx:
        _endpoint(tx, endpoint_id)
        rows, has_more = webhook_store.deliveries(
            tx, principal().account_id, endpoint_id, Window.of(query), query.get("status")
        )
    return {"object": "list", "has_more": has_more, "data": rows}


@blueprint.operation(_DELIVERY, "GET", answers=(200, DeliveryWithTriesSchema), refuses=("not_found",))
def get_webhook_delivery(endpoint_id: UUID, delivery_id: UUID) -> dict[str, Any]:
    """Show a delivery

    With its body and every attempt: when, how long it took, and what the endpoint answered.
    """
    with transaction() as tx:
        return _delivery(tx, endpoint_id, delivery_id)


@blueprint.operation(f"{_DELIVERY}/replay", "POST", answers=(202, DeliverySchema), refuses=("not_found",))
def replay_webhook_delivery(endpoint_id: UUID, delivery_id: UUID) -> dict[str, Any]:
    """Replay a delivery

    Once more, under the same `webhook-id`, as a delivery of its own.
    """
    with transaction() as tx:
        past = _delivery(tx, endpoint_id, delivery_id)
        values = {name: past[name] for name in ("webhook_id", "type", "body")}
        return webhook_store.add_delivery(tx, principal().account_id, _endpoint(tx, endpoint_id), values)


@blueprint.operation(
    f"{_ONE}/replay", "POST", body=ReplaySchema, answers=(202, ReplayingSchema), refuses=("not_found",)
)
def replay_events(body: dict[str, Any], endpoint_id: UUID) -> dict[str, Any]:
    """Replay a range of time

    Every event from `since` to `until` that the endpoint's filter lets through, under its own `webhook-id`.
    """
    with transaction() as tx:
        _endpoint(tx, endpoint_id)
        return webhook_store.start_replay(
            tx, principal().account_id, endpoint_id, body["since"], body["until"]
        )


def _endpoint(tx: Connection, id: UUID, *, lock: bool = False) -> Row:
    found = webhook_store.get(tx, principal().account_id, id, lock=lock)
    if found is None:
        raise problem("not_found", "There is no webhook endpoint with this id.")
    return found


def _delivery(tx: Connection, endpoint_id: UUID, id: UUID) -> Row:
    found = webhook_store.delivery(tx, principal().account_id, endpoint_id, id)
    if found is None:
        raise problem("not_found", "The endpoint has no delivery with this id.")
    return found
