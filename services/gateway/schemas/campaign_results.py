"""What comes of campaigns: what is asked and shown."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from services.gateway.schemas.fields import Moment
from services.gateway.schemas.windows import PageSchema, WindowQuerySchema
from shared.states import LADDER

_COUNTS = {
    "recipients": 1200,
    "queued": 0,
    "sent": 1180,
    "delivered": 1170,
    "bounced": 20,
    "failed": 0,
    "complained": 1,
    "suppressed": 0,
    "cancelled": 0,
    "opened": 600,
    "clicked": 120,
    "machine_opened": 300,
    "machine_clicked": 12,
    "unsubscribed": 3,
}
_RATES = {"delivered": 0.99, "bounced": 0.017, "complained": 0.0008, "opened": 0.5, "clicked": 0.1}


class LinkSchema(Schema):
    """A link of the campaign."""

    url = fields.String(required=True, allow_none=True, metadata={"example": "https://example.com/news"})
    clicks = fields.Integer(required=True, metadata={"example": 130})
    human_clicks = fields.Integer(required=True, metadata={"example": 118})
    recipients = fields.Integer(
        required=True, metadata={"description": "Who followed it at least once.", "example": 97}
    )


class RecipientDomainSchema(Schema):
    """A domain that recipients are at."""

    domain = fields.String(required=True, metadata={"example": "gmail.com"})
    recipients = fields.Integer(required=True, metadata={"example": 700})
    sent = fields.Integer(required=True, metadata={"example": 690})
    delivered = fields.Integer(required=True, metadata={"example": 688})
    bounced = fields.Integer(required=True, metadata={"example": 10})
    opened = fields.Integer(required=True, metadata={"example": 350})
    clicked = fields.Integer(required=True, metadata={"example": 70})


class HourSchema(Schema):
    """First opens and clicks of people in one hour (UTC)."""

    starts = Moment(required=True)
    opened = fields.Integer(required=True, metadata={"example": 200})
    clicked = fields.Integer(required=True, metadata={"example": 40})


class CampaignStatsSchema(Schema):
    """What came of a campaign."""

    totals = fields.Dict(
        keys=fields.String(),
        values=fields.Integer(),
        required=True,
        metadata={"description": "Recipients. Opens and clicks are people's.", "example": _COUNTS},
    )
    rates = fields.Dict(
        keys=fields.String(),
        values=fields.Float(),
        required=True,
        metadata={
            "description": "Shares of what was sent, 0 to 1; of bounces, of what was tried.",
            "example": {**_RATES, "unsubscribed": 0.0025},
        },
    )
    links = fields.List(fields.Nested(LinkSchema), required=True)
    domains = fields.List(fields.Nested(RecipientDomainSchema), required=True)
    over_time = fields.List(fields.Nested(HourSchema), required=True)


class RecipientFilterSchema(Schema):
    """Which recipients."""

    status = fields.String(validate=validate.OneOf(LADDER))
    domain = fields.String(validate=validate.Length(1, 253))
    opened = fields.Boolean(metadata={"description": "Whether a person opened it."})
    clicked = fields.Boolean(metadata={"description": "Whether a person followed a link."})


class RecipientQuerySchema(WindowQuerySchema, RecipientFilterSchema):
    """Which recipients, and which page of them."""


class CampaignRecipientSchema(Schema):
    """One recipient of a campaign."""

    id = fields.UUID(required=True, metadata={"description": "The contact's, by which pages go on."})
    contact_id = fields.UUID(required=True)
    email_id = fields.UUID(required=True)
    email = fields.String(required=True, metadata={"example": "ada@example.net"})
    status = fields.String(required=True, validate=validate.OneOf(LADDER))
    smtp_reply = fields.String(required=True, allow_none=True, metadata={"example": "250 2.0.0 OK"})
    updated_at = Moment(required=True)
    opened_at = Moment(required=True, allow_none=True)
    clicked_at = Moment(required=True, allow_none=True)
    machine_opened_at = Moment(required=True, allow_none=True)
    machine_clicked_at = Moment(required=True, allow_none=True)


class CampaignRecipientListSchema(PageSchema):
    """A page of recipients."""

    data = fields.List(fields.Nested(CampaignRecipientSchema), required=True)
