"""Contacts and their standing on lists: what is asked and shown."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from services.gateway.schemas.fields import DisplayName, Line, Mailbox, Moment
from services.gateway.schemas.templates import Variables
from services.gateway.schemas.windows import PageSchema, WindowQuerySchema
from shared.models.contacts import SUBSCRIPTION_STATUSES
from shared.models.suppressions import SUPPRESSION_REASONS

#: Most contacts that one request adds or names; a file takes more.
MAX_AT_ONCE = 1_000

STATUS = validate.OneOf(SUBSCRIPTION_STATUSES)
_METADATA = {"plan": "pro", "city": "London"}
_AGAIN = "Whether to put back who has unsubscribed. Only with their consent."


class Metadata(Variables):
    """What else is known of a contact; `null` takes a key away."""


class _KnownSchema(Schema):
    first_name = DisplayName(
        allow_none=True, metadata={"description": "`{{first_name}}` in templates.", "example": "John"}
    )
    last_name = DisplayName(
        allow_none=True, metadata={"description": "`{{last_name}}` in templates.", "example": "Doe"}
    )
    metadata = Metadata(
        metadata={
            "description": "`{{metadata.key}}` in templates. What is not named stays; null takes a key away.",
            "example": _METADATA,
        }
    )


class NewContactSchema(_KnownSchema):
    """Somebody to add. What is known of them already and not given stays."""

    email = Mailbox(required=True, metadata={"example": "john@example.com"})


class NewMemberSchema(NewContactSchema):
    """Somebody to put on a list."""

    resubscribe = fields.Boolean(load_default=False, metadata={"description": _AGAIN})


class ChangeContactSchema(_KnownSchema):
    """What to change of a contact; what is not named stays."""

    email = Mailbox(metadata={"example": "john.doe@example.com"})


class NewMembersSchema(Schema):
    """Several to put on a list."""

    contacts = fields.List(
        fields.Nested(NewContactSchema),
        required=True,
        validate=validate.Length(1, MAX_AT_ONCE),
        metadata={"example": [{"email": "john@example.com", "first_name": "John"}]},
    )
    resubscribe = fields.Boolean(load_default=False, metadata={"description": _AGAIN})


class SomeContactsSchema(Schema):
    """Several contacts, by id or by address."""

    contact_ids = fields.List(
        fields.UUID(), validate=validate.Length(max=MAX_AT_ONCE), load_default=list, metadata={"example": []}
    )
    emails = fields.List(
        Mailbox(),
        validate=validate.Length(max=MAX_AT_ONCE),
        load_default=list,
        metadata={"example": ["john@example.com"]},
    )

    @validates_schema
    def _names_some(self, data: dict[str, Any], **_: Any) -> None:
        if not (data.get("contact_ids") or data.get("emails")):
            raise ValidationError("Give contact_ids or emails, or both.", "contact_ids")


class ContactSchema(Schema):
    """A contact: one person of the account, whatever lists they are on."""

    id = fields.UUID(required=True)
    email = fields.String(required=True, metadata={"example": "john@example.com"})
    first_name = fields.String(required=True, allow_none=True, metadata={"example": "John"})
    last_name = fields.String(required=True, allow_none=True, metadata={"example": "Doe"})
    metadata = fields.Dict(required=True, metadata={"example": _METADATA})
    suppression = fields.String(
        required=True,
        allow_none=True,
        validate=validate.OneOf(SUPPRESSION_REASONS),
        metadata={"description": "Why no campaign reaches them, if so; see suppressions."},
    )
    last_activity_at = Moment(
        required=True, allow_none=True, metadata={"description": "Their last open or click."}
    )
    created_at = Moment(required=True)
    updated_at = Moment(required=True)


class _StandingSchema(Schema):
    status = fields.String(required=True, validate=STATUS, metadata={"example": "subscribed"})
    source = fields.String(
        required=True, metadata={"description": "What set it: api, import, tracker, …", "example": "api"}
    )
    campaign_id = fields.UUID(
        required=True, allow_none=True, metadata={"description": "The campaign that made them unsubscribe."}
    )


class _PresentSchema(_StandingSchema):
    added_at = Moment(required=True, metadata={"description": "When they were put on the list."})
    changed_at = Moment(required=True, metadata={"description": "Since when the status is what it is."})


class MemberSchema(ContactSchema, _PresentSchema):
    """A contact with their standing on a list."""


class OnListSchema(_PresentSchema):
    """A list that a contact is on."""

    list_id = fields.UUID(required=True)
    name = fields.String(required=True, metadata={"example": "Newsletter Subscribers"})


class TagOfContactSchema(Schema):
    """A tag of a contact."""

    id = fields.UUID(required=True)
    name = fields.String(required=True, metadata={"example": "VIP"})
    color = fields.String(required=True, metadata={"example": "#3B82F6"})


class ContactWithAllSchema(ContactSchema):
    """A contact with the lists they are on and their tags."""

    lists = fields.List(fields.Nested(OnListSchema), required=True)
    tags = fields.List(fields.Nested(TagOfContactSchema), required=True)


class PastSchema(_StandingSchema):
    """A standing that a contact has or had on a list."""

    list_id = fields.UUID(required=True)
    since = Moment(required=True)
    until = Moment(required=True, allow_none=True, metadata={"description": "null: it is so now."})


class HistorySchema(PageSchema):
    """All standings of a contact, the latest first."""

    data = fields.List(fields.Nested(PastSchema), required=True)


class ContactPageSchema(PageSchema):
    """A page of contacts, newest first."""

    data = fields.List(fields.Nested(ContactSchema), required=True)


class MemberPageSchema(PageSchema):
    """A page of a list's contacts, newest first."""

    data = fields.List(fields.Nested(MemberSchema), required=True)


class AddedSchema(Schema):
    """What became of contacts that were added."""

    added = fields.Integer(required=True, metadata={"description": "People who are new.", "example": 1})
    updated = fields.Integer(
        required=True, metadata={"description": "People whom the account knew already.", "example": 0}
    )
    subscribed = fields.Integer(
        required=True, metadata={"description": "Whose standing on the list changed by that.", "example": 1}
    )


class ChangedSchema(Schema):
    """How many contacts something was true of."""

    changed = fields.Integer(required=True, metadata={"example": 1})


_SEARCH = {"description": "Part of the address or of a name, in any case.", "example": "example.com"}


class MemberQuerySchema(WindowQuerySchema):
    """Which contacts of a list to show."""

    search = Line(validate=validate.Length(1, 200), metadata=_SEARCH)
    status = fields.String(validate=STATUS)


class ContactQuerySchema(MemberQuerySchema):
    """Which contacts to show."""

    email = Mailbox(metadata={"description": "The address itself."})
    list_id = fields.UUID(metadata={"description": "Those on this list."})
    tag_id = fields.UUID(metadata={"description": "Those with this tag."})

    @validates_schema
    def _status_of_what(self, data: dict[str, Any], **_: Any) -> None:
        if "status" in data and "list_id" not in data:
            raise ValidationError("A status is one on a list: give list_id too.", "status")
