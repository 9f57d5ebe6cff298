"""Campaigns for everybody to read: published and withdrawn, and the page itself.

What a campaign says is its sender's own HTML: the page is sandboxed, so it runs no script, sends no form and
has no origin, ours least of all.
"""

from __future__ import annotations

from html import escape
from typing import Any
from uuid import UUID

import flask
from flask import Response
from sqlalchemy import select

from services.gateway import campaign_preview, campaign_store, pages
from services.gateway.auth import actor, principal
from services.gateway.campaign_view import ARCHIVE, shown
from services.gateway.routes.blueprint import Blueprint
from services.gateway.schemas.campaigns import CampaignSchema
from shared import audit
from shared.clock import now
from shared.db import transaction
from shared.models import campaigns

blueprint = Blueprint(
    "campaign_archive",
    __name__,
    url_prefix="/api",
    scope="campaigns",
    guide="campaigns",
    description="Campaigns for everybody to read.",
)
page_blueprint = flask.Blueprint("archive", __name__)

_HEADERS = {
    "Content-Security-Policy": (
        "sandbox allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation; "
        "default-src 'none'; img-src http: https: data:; style-src 'unsafe-inline' http: https:; "
        "font-src http: https: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
    "Cache-Control": "no-cache",  # what is withdrawn is gone
}


@blueprint.operation(
    "/campaigns/<uuid:campaign_id>/archive",
    "POST",
    answers=(200, CampaignSchema),
    refuses=("not_found", "wrong_state"),
)
def publish_campaign(campaign_id: UUID) -> dict[str, Any]:
    """Publish a campaign

    Once its sending has begun: whoever has its `archive_url` can read it, as somebody would of whom nothing
    is known, and nothing there is tracked. Once more changes nothing.
    """
    with transaction() as tx:
        found = campaign_store.ready_for(tx, principal().account_id, campaign_id, "published")
        if found["archived_at"] is None:
            found = campaign_store.put(tx, campaign_id, archived_at=now())
            audit.record(tx, actor(), "campaign.published", campaign_id)
        return shown(found)


@blueprint.operation(
    "/campaigns/<uuid:campaign_id>/archive", "DELETE", answers=(200, CampaignSchema), refuses=("not_found",)
)
def withdraw_campaign(campaign_id: UUID) -> dict[str, Any]:
    """Withdraw a campaign from the archive

    At once. Its `archive_url` is the same if it is published again.
    """
    with transaction() as tx:
        found = campaign_store.find(tx, principal().account_id, campaign_id, lock=True)
        if found["archived_at"] is not None:
            found = campaign_store.put(tx, campaign_id, archived_at=None)
            audit.record(tx, actor(), "campaign.withdrawn", campaign_id)
        return shown(found)


@page_blueprint.get(f"{ARCHIVE}<uuid:campaign_id>")
def read(campaign_id: UUID) -> Response:
    """What everybody may read."""
    query = select(campaigns).where(campaigns.c.id == campaign_id, campaigns.c.archived_at.is_not(None))
    with transaction() as tx:
        campaign = tx.execute(query).mappings().one_or_none()
        if campaign is None:
            return pages.page("Nothing to read here", "<p>It was withdrawn, or never was.</p>", 404)
        values = campaign_preview.values_for(tx, campaign["account_id"], {})
        said = campaign_preview.rendered(tx, dict(campaign), values)
    if said["html"] is None:
        return pages.page(said["subject"], f'<p style="white-space: pre-wrap">{escape(said["text"])}</p>')
    return Response(said["html"], mimetype="text/html", headers=_HEADERS)
