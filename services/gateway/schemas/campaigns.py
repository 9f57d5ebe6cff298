"""Campaigns: what is asked and shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from services.gateway.intents import MAX_SUBJECT
from services.gateway.schemas.fields import Body, Line, Mailbox, Moment, SendAt
from services.gateway.schemas.templates import MAX_NAME, Variables
from services.gateway.schemas.windows import PageSchema, WindowQuerySchema
from shared.addresses import MAX_NAME as MAX_DISPLAY_NAME
from shared.campaign_states import STATUSES
from shared.rates import Rates
from shared.templates import TemplateError, parse

#: Most lists, tags … of each kind that one campaign names, and most addresses of one test.
MAX_IDS = 50
MAX_TESTS = 10

#: The fields that are templates.
PARTS = ("subject", "from_name", "content_html", "content_text")

_ID = "0197a3c0-5c1e-7c3a-9f0e-2f3a4b5c6d7e"


class RateLimit(fields.Field[str]):
    """How many emails may go out in a time: `500/minute`."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **_: Any) -> Any:
        return value

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> str:
        try:
            rates = Rates(value if isinstance(value, str) else "")
        except ValueError:
            raise ValidationError("Not a rate: write 500/minute, or …/second, …/hour, …/day.") from None
        if len(rates.all) != 1:
            raise ValidationError("Give one rate; null means as fast as it goes.")
        return str(rates)


def _ids(words: str) -> fields.List[Any]:
    return fields.List(
        fields.UUID(),
        validate=validate.Length(max=MAX_IDS),
        metadata={"description": words, "example": [_ID]},
    )


class _Draft(Schema):
    """What makes and what changes a campaign have in common."""

    from_name = Line(
        allow_none=True,
        validate=validate.Length(0, MAX_DISPLAY_NAME),
        metadata={"description": "May have variables.", "example": "Your Brand"},
    )
    reply_to = Mailbox(allow_none=True, metadata={"example": "hello@example.com"})
    list_id = fields.UUID(
        allow_none=True, metadata={"description": "The one list; or give `list_ids`.", "example": _ID}
    )
    list_ids = _ids("Whoever is subscribed to any of these, once. No list at all: all your contacts.")
    segment_id = fields.UUID(allow_none=True, metadata={"description": "Only who is in this segment."})
    tag_ids = _ids("Only who has any of these tags.")
    exclude_list_ids = _ids("Nobody who is on one of these lists.")
    exclude_tag_ids = _ids("Nobody who has one of these tags.")
    exclude_segment_ids = _ids("Nobody who is in one of these segments.")
    template_id = fields.UUID(
        allow_none=True,
        metadata={"description": "Subject and bodies that are not given are copied from this template."},
    )
    content_html = Body(
        allow_none=True, metadata={"description": "HTML body.", "example": "<h1>Welcome {{first_name}}!</h1>"}
    )
    content_text = Body(
        allow_none=True, metadata={"description": "Plain text body.", "example": "Welcome {{first_name}}!"}
    )
    track_opens = fields.Boolean(allow_none=True, metadata={"description": "Null: as the install says."})
    track_clicks = fields.Boolean(allow_none=True, metadata={"description": "Null: as the install says."})
    rate_limit = RateLimit(
        allow_none=True,
        metadata={"description": "Most emails in a time; null: as fast as it goes.", "example": "500/minute"},
    )

    @validates_schema
    def _syntax(self, data: Mapping[str, Any], **_: Any) -> None:
        wrong: dict[str, list[str]] = {}
        for part in PARTS:
            try:
                parse(data.get(part) or "")
            except TemplateError as error:
                wrong[part] = [str(error)]
        if data.get("list_id") and data.get("list_ids"):
            wrong["list_id"] = ["Give list_id or list_ids, not both."]
        if wrong:
            raise ValidationError(dict(wrong))


class NewCampaignSchema(_Draft):
    """A campaign to make."""

    name = Line(required=True, validate=validate.Length(1, MAX_NAME), metadata={"example": "Welcome Series"})
    subject = Line(
        validate=validate.Length(1, MAX_SUBJECT),
        metadata={
            "description": "May have variables; needed unless a template has one.",
            "example": "Welcome to our platform",
        },
    )
    from_email = Mailbox(
        required=True,
        metadata={
            "description": "An address on a verified domain of the account.",
            "example": "news@example.com",
        },
    )


class ChangeCampaignSchema(_Draft):
    """What to change of a campaign; what is not named stays."""

    name = Line(validate=validate.Length(1, MAX_NAME), metadata={"example": "Welcome Series"})
    subject = Line(validate=validate.Length(1, MAX_SUBJECT), metadata={"example": "Welcome!"})
    from_email = Mailbox(metadata={"example": "news@example.com"})


class ScheduleCampaignSchema(Schema):
    """When to send."""

    send_at = SendAt(required=True, metadata={"description": "ISO 8601, in the future."})


class CloneCampaignSchema(Schema):
    """What to call the copy."""

    may_be_missing = True

    name = Line(validate=validate.Length(1, MAX_NAME), metadata={"example": "Welcome Series, again"})


class PreviewCampaignSchema(Schema):
    """For whom."""

    may_be_missing = True

    contact_id = fields.UUID(metadata={"description": "One of your contacts."})
    variables = Variables(
        metadata={
            "description": "In place of a contact's fields.",
            "example": {"first_name": "Ada", "email": "ada@example.net"},
        }
    )

    @validates_schema
    def _one_source(self, data: Mapping[str, Any], **_: Any) -> None:
        if "contact_id" in data and "variables" in data:
            raise ValidationError("Give contact_id or variables, not both.", "variables")


class TestCampaignSchema(PreviewCampaignSchema):
    """Who looks at it before anybody else does."""

    __test__ = False  # not a test, whatever its name begins with
    may_be_missing = False

    to = fields.List(
        Mailbox(),
        required=True,
        validate=validate.Length(1, MAX_TESTS),
        metadata={"description": f"At most {MAX_TESTS} addresses.", "example": ["ada@example.net"]},
    )


class CampaignQuerySchema(WindowQuerySchema):
    """Which campaigns."""

    status = fields.String(validate=validate.OneOf(STATUSES))


class CampaignSummarySchema(Schema):
    """A campaign as lists show it."""

    id = fields.UUID(required=True)
    name = fields.String(required=True, metadata={"example": "Welcome Series"})
    status = fields.String(required=True, validate=validate.OneOf(STATUSES))
    subject = fields.String(required=True, metadata={"example": "Welcome to our platform"})
    from_email = fields.String(required=True, metadata={"example": "news@example.com"})
    from_name = fields.String(required=True, allow_none=True, metadata={"example": "Your Brand"})
    test = fields.Boolean(
        required=True,
        metadata={"description": "Made with a test key: its mail goes nowhere.", "example": False},
    )
    total = fields.Integer(
        required=True,
        allow_none=True,
        metadata={"description": "How many its audience had when sending began.", "example": 1200},
    )
    send_at = Moment(required=True, allow_none=True)
    started_at = Moment(required=True, allow_none=True)
    finished_at = Moment(required=True, allow_none=True)
    created_at = Moment(required=True)
    updated_at = Moment(required=True)


class WarningSchema(Schema):
    """What may be amiss with a campaign, though it can be sent."""

    code = fields.String(required=True, metadata={"example": "html_too_large"})
    detail = fields.String(
        required=True, metadata={"example": "Gmail cuts off HTML of more than 102 kB; this has 140 kB."}
    )


class CampaignSchema(CampaignSummarySchema):
    """A campaign."""

    reply_to = fields.String(required=True, allow_none=True, metadata={"example": "hello@example.com"})
    list_id = fields.UUID(required=True, allow_none=True, metadata={"description": "The first of its lists."})
    list_ids = fields.List(fields.UUID(), required=True)
    segment_id = fields.UUID(required=True, allow_none=True)
    tag_ids = fields.List(fields.UUID(), required=True)
    exclude_list_ids = fields.List(fields.UUID(), required=True)
    exclude_tag_ids = fields.List(fields.UUID(), required=True)
    exclude_segment_ids = fields.List(fields.UUID(), required=True)
    template_id = fields.UUID(required=True, allow_none=True)
    content_html = fields.String(required=True, allow_none=True)
    content_text = fields.String(required=True, allow_none=True)
    track_opens = fields.Boolean(required=True, allow_none=True)
    track_clicks = fields.Boolean(required=True, allow_none=True)
    rate_limit = fields.String(required=True, allow_none=True, metadata={"example": "500/minute"})
    archive_url = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "Where everybody can read it, once it is published.", "example": None},
    )
    error = fields.String(
        required=True, allow_none=True, metadata={"description": "Why it failed, if it did.", "example": None}
    )
    warnings = fields.List(fields.Nested(WarningSchema), required=True)


class CampaignListSchema(PageSchema):
    """A page of campaigns, newest first."""

    data = fields.List(fields.Nested(CampaignSummarySchema), required=True)


class RenderedCampaignSchema(Schema):
    """What one contact would read."""

    subject = fields.String(required=True, metadata={"example": "Welcome, Ada!"})
    from_name = fields.String(required=True, allow_none=True, metadata={"example": "Your Brand"})
    html = fields.String(required=True, allow_none=True, metadata={"example": "<h1>Welcome Ada!</h1>"})
    text = fields.String(required=True, allow_none=True, metadata={"example": "Welcome Ada!"})
    warnings = fields.List(fields.Nested(WarningSchema), required=True)


class TestSentSchema(Schema):
    """The test emails."""

    __test__ = False

    emails = fields.List(
        fields.Dict(),
        required=True,
        metadata={"example": [{"id": _ID, "to": "ada@example.net"}]},
    )
