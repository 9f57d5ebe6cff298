"""The people of an account."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from services.gateway.schemas.fields import DisplayName, Mailbox, Moment
from services.gateway.schemas.windows import PageSchema
from shared.models.users import ROLES

_ROLE = validate.OneOf(ROLES)
_ROLE_HELP = (
    "`owner`: everything, also owners; `admin`: everything else; `developer`: all but users and the audit "
    "log; `viewer`: reads."
)


class NewUserSchema(Schema):
    """Somebody to invite."""

    email = Mailbox(required=True, metadata={"example": "grace@example.com"})
    name = DisplayName(load_default=None, metadata={"example": "Grace"})
    role = fields.String(
        required=True, validate=_ROLE, metadata={"description": _ROLE_HELP, "example": "developer"}
    )


class ChangeUserSchema(Schema):
    """What to change of a user; what is not named stays."""

    name = DisplayName(allow_none=True, metadata={"example": "Grace Hopper"})
    role = fields.String(validate=_ROLE, metadata={"description": _ROLE_HELP})
    active = fields.Boolean(metadata={"description": "false: every session ends, and none begins."})


class UserSchema(Schema):
    """A user."""

    id = fields.UUID(required=True)
    email = fields.String(required=True, metadata={"example": "grace@example.com"})
    name = fields.String(required=True, allow_none=True, metadata={"example": "Grace"})
    role = fields.String(required=True, validate=_ROLE)
    active = fields.Boolean(required=True)
    last_login_at = Moment(required=True, allow_none=True)
    created_at = Moment(required=True)


class InvitedSchema(UserSchema):
    """A user who has yet to set a password, with the token that was mailed to them."""

    invitation_token = fields.String(
        required=True,
        allow_none=True,
        metadata={
            "description": "Only where this install can't mail it: hand it over yourself. Good for 7 days.",
            "example": None,
        },
    )


class UserListSchema(PageSchema):
    """A page of users, newest first."""

    data = fields.List(fields.Nested(UserSchema), required=True)
