"""Campaigns on their way: sent, scheduled, paused, resumed and cancelled."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response
from sqlalchemy import Connection

from services.gateway import campaign_store, quotas
from services.gateway.auth import actor, principal
from services.gateway.campaign_view import shown
from services.gateway.errors import problem
from services.gateway.one_insert import Row
from services.gateway.routes.blueprint import Blueprint
from services.gateway.routes.once import keep, rendered
from services.gateway.schemas.body import read_json_or_nothing
from services.gateway.schemas.campaigns import CampaignSchema, ScheduleCampaignSchema
from shared import audit, campaign_states
from shared.audience import count
from shared.audience.stored import AudienceGone, read_audience
from shared.campaigns import begin, nudge, requeue, tell
from shared.clock import now
from shared.db import transaction
from shared.errors import FieldError

blueprint = Blueprint(
    "campaign_runs",
    __name__,
    url_prefix="/api",
    scope="campaigns",
    guide="campaigns",
    description="Campaigns on their way.",
)

_CAMPAIGN = CampaignSchema()
_REFUSES = ("not_found", "wrong_state", "domain_not_allowed", "domain_not_verified")


@blueprint.operation(
    "/campaigns/<uuid:campaign_id>/send",
    "POST",
    answers=(202, CampaignSchema),
    idempotent=read_json_or_nothing,
    refuses=(*_REFUSES, "validation_error", "daily_quota_exceeded", "monthly_quota_exceeded"),
)
def send_campaign(campaign_id: UUID) -> Response:
    """Send a campaign

    At once, also if it was scheduled. Its content is frozen now; who is in its audience is decided while it
    is sent. Follow it at `/api/campaigns/{id}/stream`.
    """
    who = principal()
    with transaction() as tx:
        campaign = campaign_store.ready_for(tx, who.account_id, campaign_id, "sent")
        campaign_store.check_sender(who, campaign["from_email"])
        try:
            total = count(tx, who.account_id, read_audience(tx, who.account_id, campaign["audience"]))
        except AudienceGone as gone:
            at_fault = FieldError(f"/{gone.part}", f"There is nothing with the id {gone.id} any more.")
            raise problem("validation_error", at_fault.detail, [at_fault]) from None
        refusal = None if campaign["test"] else quotas.refusal_of(tx, who, total)
        if refusal:
            raise refusal
        begin(tx, campaign, total)
        campaign = _done(tx, "sent", campaign_id)
        response = rendered(_CAMPAIGN, shown(campaign), 202)
        keep(tx, response)
    return response


@blueprint.operation(
    "/campaigns/<uuid:campaign_id>/schedule",
    "POST",
    body=ScheduleCampaignSchema,
    answers=(200, CampaignSchema),
    refuses=_REFUSES,
)
def schedule_campaign(body: dict[str, Any], campaign_id: UUID) -> dict[str, Any]:
    """Schedule a campaign

    For `send_at`; again, to move it. It can be changed until then.
    """
    who, send_at = principal(), body["send_at"]
    with transaction() as tx:
        campaign = campaign_store.ready_for(tx, who.account_id, campaign_id, "scheduled")
        campaign_store.check_sender(who, campaign["from_email"])
        campaign_store.put(
            tx, campaign_id, status=campaign_states.SCHEDULED, send_at=send_at, work_at=send_at
        )
        tell(tx, campaign_id, "scheduled")
        return shown(_done(tx, "scheduled", campaign_id))


@blueprint.operation(
    "/campaigns/<uuid:campaign_id>/pause",
    "POST",
    answers=(200, CampaignSchema),
    refuses=("not_found", "wrong_state"),
)
def pause_campaign(campaign_id: UUID) -> dict[str, Any]:
    """Pause a campaign

    Within two seconds no more of its emails leave. What is queued already waits.
    """
    return _moved("paused", campaign_id, status=campaign_states.PAUSED, work_at=None)


@blueprint.operation(
    "/campaigns/<uuid:campaign_id>/resume",
    "POST",
    answers=(200, CampaignSchema),
    refuses=("not_found", "wrong_state"),
)
def resume_campaign(campaign_id: UUID) -> dict[str, Any]:
    """Resume a paused campaign"""
    return _moved("resumed", campaign_id, status=campaign_states.SENDING, work_at=now())


@blueprint.operation(
    "/campaigns/<uuid:campaign_id>/cancel",
    "POST",
    answers=(200, CampaignSchema),
    refuses=("not_found", "wrong_state"),
)
def cancel_campaign(campaign_id: UUID) -> dict[str, Any]:
    """Cancel a campaign

    For good: within two seconds no more of its emails leave, and those that were queued become `cancelled`.
    """
    return _moved(
        "cancelled", campaign_id, status=campaign_states.CANCELLED, work_at=now(), finished_at=now()
    )


def _moved(deed: str, campaign_id: UUID, **values: Any) -> dict[str, Any]:
    with transaction() as tx:
        campaign_store.ready_for(tx, principal().account_id, campaign_id, deed)
        campaign_store.put(tx, campaign_id, **values)
        tell(tx, campaign_id, deed)
        if deed == "resumed":
            requeue(tx, campaign_id)
        if values["work_at"]:
            nudge(tx, campaign_id)
        return shown(_done(tx, deed, campaign_id))


def _done(tx: Connection, deed: str, campaign_id: UUID) -> Row:
    audit.record(tx, actor(), f"campaign.{deed}", campaign_id)
    return campaign_store.find(tx, principal().account_id, campaign_id)
