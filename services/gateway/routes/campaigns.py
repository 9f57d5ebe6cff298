"""Campaigns: made, shown, changed, cloned, previewed and tried out. Sending them: campaign_runs.py."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from services.gateway import campaign_preview, campaign_store
from services.gateway.accept import draft, write
from services.gateway.admission import delivery_refusals, recipient_refusals
from services.gateway.auth import principal
from services.gateway.campaign_view import shown
from services.gateway.intents import Intent, unique_recipients
from services.gateway.routes.blueprint import Blueprint
from services.gateway.schemas.campaigns import (
    CampaignListSchema,
    CampaignQuerySchema,
    CampaignSchema,
    ChangeCampaignSchema,
    CloneCampaignSchema,
    NewCampaignSchema,
    PreviewCampaignSchema,
    RenderedCampaignSchema,
    TestCampaignSchema,
    TestSentSchema,
)
from services.gateway.windows import Window
from shared.addresses import Address, parse_address
from shared.db import transaction

blueprint = Blueprint(
    "campaigns",
    __name__,
    url_prefix="/api",
    scope="campaigns",
    guide="campaigns",
    description="Campaigns: the same to many, each their own.",
)

_SENDER = ("domain_not_allowed", "domain_not_verified")
#: What is put in front of the subject of a test.
_TEST = "[Test] "


@blueprint.operation(
    "/campaigns",
    "POST",
    body=NewCampaignSchema,
    answers=(201, CampaignSchema),
    refuses=_SENDER,
    body_example={
        "name": "Welcome Series",
        "subject": "Welcome to our platform",
        "from_email": "news@example.com",
        "from_name": "Your Brand",
        "content_html": "<h1>Welcome {{first_name}}!</h1>",
        "content_text": "Welcome {{first_name}}!",
    },
)
def create_campaign(body: dict[str, Any]) -> dict[str, Any]:
    """Create a campaign

    A draft, which sends nothing. A `{{` that begins no variable is refused, with its line and column.
    """
    with transaction() as tx:
        return shown(campaign_store.create(tx, principal(), body))


@blueprint.operation("/campaigns", "GET", query=CampaignQuerySchema, answers=(200, CampaignListSchema))
def list_campaigns(query: dict[str, Any]) -> dict[str, Any]:
    """List campaigns

    Newest first, without their bodies. The next page is the one `after` the last id of this one.
    """
    with transaction() as tx:
        rows, has_more = campaign_store.window(
            tx, principal().account_id, Window.of(query), query.get("status")
        )
    return {"object": "list", "has_more": has_more, "data": rows}


@blueprint.operation(
    "/campaigns/<uuid:campaign_id>", "GET", answers=(200, CampaignSchema), refuses=("not_found",)
)
def get_campaign(campaign_id: UUID) -> dict[str, Any]:
    """Show a campaign"""
    with transaction() as tx:
        return shown(campaign_store.find(tx, principal().account_id, campaign_id))


@blueprint.operation(
    "/campaigns/<uuid:campaign_id>",
    "PATCH",
    body=ChangeCampaignSchema,
    answers=(200, CampaignSchema),
    refuses=("not_found", "wrong_state", *_SENDER),
    body_example={"subject": "Welcome, {{first_name|there}}!"},
)
def change_campaign(body: dict[str, Any], campaign_id: UUID) -> dict[str, Any]:
    """Change a campaign

    Possible until sending begins; from then on its content is frozen. To send something else, clone it.
    """
    with transaction() as tx:
        return shown(campaign_store.change(tx, principal(), campaign_id, body))


@blueprint.operation(
    "/campaigns/<uuid:campaign_id>",
    "DELETE",
    answers=(200, CampaignSchema),
    refuses=("not_found", "wrong_state"),
)
def delete_campaign(campaign_id: UUID) -> dict[str, Any]:
    """Delete a campaign

    Not while it is being sent or paused. With it goes the list of who got it; their emails stay in the log.
    """
    with transaction() as tx:
        return shown(campaign_store.remove(tx, principal().account_id, campaign_id))


@blueprint.operation(
    "/campaigns/<uuid:campaign_id>/clone",
    "POST",
    body=CloneCampaignSchema,
    answers=(201, CampaignSchema),
    refuses=("not_found",),
    body_example={"name": "Welcome Series, again"},
)
def clone_campaign(body: dict[str, Any], campaign_id: UUID) -> dict[str, Any]:
    """Clone a campaign

    A new draft with the same content and audience, whatever has become of this one. The body is optional.
    """
    with transaction() as tx:
        return shown(campaign_store.clone(tx, principal(), campaign_id, body.get("name")))


@blueprint.operation(
    "/campaigns/<uuid:campaign_id>/preview",
    "POST",
    body=PreviewCampaignSchema,
    answers=(200, RenderedCampaignSchema),
    refuses=("not_found",),
    body_example={"variables": {"first_name": "Ada", "email": "ada@example.net"}},
)
def preview_campaign(body: dict[str, Any], campaign_id: UUID) -> dict[str, Any]:
    """Preview a campaign

    What one contact would read, footer included; without a contact and variables, what somebody would of whom
    nothing is known. Sends nothing.
    """
    with transaction() as tx:
        account_id = principal().account_id
        campaign = campaign_store.find(tx, account_id, campaign_id)
        return campaign_preview.rendered(tx, campaign, campaign_preview.values_for(tx, account_id, body))


@blueprint.operation(
    "/campaigns/<uuid:campaign_id>/test",
    "POST",
    body=TestCampaignSchema,
    answers=(202, TestSentSchema),
    refuses=("not_found", "recipient_undeliverable", "recipient_suppressed", *_SENDER),
    body_example={"to": ["ada@example.net"], "variables": {"first_name": "Ada"}},
)
def try_campaign(body: dict[str, Any], campaign_id: UUID) -> dict[str, Any]:
    """Send a test of a campaign

    To a few addresses, with `[Test]` before the subject, in whatever state it is. Counts in no statistics of
    the campaign; its unsubscribe link leads nowhere.
    """
    who = principal()
    with transaction() as tx:
        campaign = campaign_store.find(tx, who.account_id, campaign_id)
        values = campaign_preview.values_for(tx, who.account_id, body)
        said = campaign_preview.rendered(tx, campaign, values)
    campaign_store.check_sender(who, campaign["from_email"])
    intents = [_test_intent(campaign, said, address) for address in body["to"]]
    _raise_first(delivery_refusals(intents))
    with transaction() as tx:
        _raise_first(recipient_refusals(tx, who, intents))
        drafted = draft(who, intents)
        write(tx, drafted)
    pairs = zip(drafted.accepted, body["to"], strict=True)
    return {"emails": [{"id": str(item.id), "to": address.email} for item, address in pairs]}


def _test_intent(campaign: dict[str, Any], said: dict[str, Any], to: Address) -> Intent:
    return Intent(
        sender=parse_address(campaign["from_email"]).named(said["from_name"]),
        recipients=unique_recipients([to]),
        subject=(_TEST + said["subject"])[:998],
        html=said["html"],
        text=said["text"],
        reply_to=(parse_address(campaign["reply_to"]),) if campaign["reply_to"] else (),
    )


def _raise_first(refusals: list[Any]) -> None:
    for refusal in refusals:
        if refusal:
            raise refusal
