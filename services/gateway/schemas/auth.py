"""Signing in: what is asked, and who one is then."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from services.gateway.schemas.fields import DisplayName, Line, Mailbox, Moment
from services.gateway.scopes import SCOPES
from shared.models.users import ROLES
from shared.settings import settings

#: Longer than any password may be: that is told with a reason (passwords.fault).
_MOST = 1_000

#: Days. Events are read by webhooks that were away, and hits come late.
SHORTEST_KEPT, LONGEST_KEPT = {"bodies": 1, "events": 7, "logs": 7}, 36_500


def password_field(description: str) -> fields.String:
    """A password on its way in; never shown."""
    return fields.String(
        required=True,
        load_only=True,
        validate=validate.Length(1, _MOST),
        metadata={"description": description, "example": "correct horse battery"},
    )


class LoginSchema(Schema):
    """Who signs in."""

    email = Mailbox(required=True, metadata={"example": "ada@example.com"})
    password = password_field("Their password.")


class RegisterSchema(Schema):
    """A new account and its owner."""

    email = Mailbox(
        required=True, metadata={"description": "The owner's address.", "example": "ada@example.com"}
    )
    password = password_field("At least 10 characters, none of the first that somebody would guess.")
    name = DisplayName(load_default=None, metadata={"description": "The owner's name.", "example": "Ada"})
    account_name = Line(
        load_default=None,
        validate=validate.Length(1, 200),
        metadata={"description": "By default the address.", "example": "Example Ltd"},
    )


class PasswordSchema(Schema):
    """A new password instead of the present one."""

    current_password = password_field("The present one.")
    new_password = password_field("The new one: at least 10 characters.")


class ResetSchema(Schema):
    """Whose password is to be reset."""

    email = Mailbox(required=True, metadata={"example": "ada@example.com"})


class ConfirmSchema(Schema):
    """A new password for whom a token was mailed to."""

    token = fields.String(
        required=True,
        validate=validate.Length(1, 200),
        metadata={"description": "Out of the mail.", "example": "3q2-7wXk…"},
    )
    password = password_field("The new one: at least 10 characters.")


class SaidSchema(Schema):
    """A sentence for a person."""

    message = fields.String(
        required=True,
        metadata={"example": "If somebody signs in with this address, a mail is on its way to them."},
    )


class Days(fields.Integer):
    """For how many days an account keeps something: no longer than the install does."""

    def __init__(self, kind: str, **options: Any) -> None:
        """`kind` as in the settings: MAILMATIC_KEEP_…_DAYS."""
        self.kind = kind
        about = {
            "description": f"For how many days {kind} are kept; null: as this install does.",
            "example": None,
        }
        limits = validate.Range(SHORTEST_KEPT[kind], LONGEST_KEPT)
        super().__init__(strict=True, allow_none=True, validate=limits, metadata=about, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        days = super()._deserialize(value, attr, data, **kwargs)
        usual = getattr(settings(), f"keep_{self.kind}_days")
        if usual and days > usual:
            raise ValidationError(f"This install keeps them for {usual} days.")
        return days


class AccountSchema(Schema):
    """An account."""

    id = fields.UUID(required=True)
    name = fields.String(required=True, metadata={"example": "Example Ltd"})
    postal_address = fields.String(
        required=True,
        allow_none=True,
        metadata={
            "description": "Shown below what campaigns send.",
            "example": "Example Ltd, 1 High Street, London",
        },
    )
    keep_bodies_days = Days("bodies", required=True)
    keep_events_days = Days("events", required=True)
    keep_logs_days = Days("logs", required=True)
    created_at = Moment(required=True)


class SignedInUserSchema(Schema):
    """The user who is signed in."""

    id = fields.UUID(required=True)
    email = fields.String(required=True, metadata={"example": "ada@example.com"})
    name = fields.String(required=True, allow_none=True, metadata={"example": "Ada"})
    role = fields.String(required=True, validate=validate.OneOf(ROLES))


class UsedCredentialSchema(Schema):
    """The credential whose API key was shown."""

    id = fields.UUID(required=True)
    email = fields.String(required=True, metadata={"example": "noreply@example.com"})
    test = fields.Boolean(required=True, metadata={"example": False})


class MeSchema(Schema):
    """Who is asking, and what they may do."""

    account = fields.Nested(AccountSchema, required=True)
    user = fields.Nested(SignedInUserSchema, required=True, allow_none=True)
    credential = fields.Nested(
        UsedCredentialSchema, required=True, allow_none=True, metadata={"example": None}
    )
    scopes = fields.List(
        fields.String(validate=validate.OneOf(list(SCOPES))), required=True, metadata={"example": ["read"]}
    )
    csrf_token = fields.String(
        required=True,
        allow_none=True,
        metadata={
            "description": "What a session's writes bring as `X-CSRF-Token`; null for an API key.",
            "example": "9f86d081884c7d65…",
        },
    )


class SessionSchema(Schema):
    """A session of the user who is asking."""

    id = fields.String(required=True, metadata={"example": "9f86d081884c7d659a2feaa0c55ad015"})
    current = fields.Boolean(required=True, metadata={"description": "Whether it is the one that asks."})
    ip = fields.String(required=True, metadata={"example": "192.0.2.7"})
    agent = fields.String(required=True, metadata={"description": "User-Agent.", "example": "curl/8.5.0"})
    created_at = Moment(required=True)


class SessionListSchema(Schema):
    """All sessions, the newest first."""

    object = fields.String(required=True, validate=validate.OneOf(["list"]))
    data = fields.List(fields.Nested(SessionSchema), required=True)


class ChangeAccountSchema(Schema):
    """What to change of the account."""

    name = Line(validate=validate.Length(1, 200), metadata={"example": "Example Ltd"})
    postal_address = fields.String(
        allow_none=True,
        validate=validate.Length(0, 500),
        metadata={
            "description": "Where the account can be reached by post; shown below what campaigns send.",
            "example": "Example Ltd\n1 High Street\nLondon",
        },
    )
    keep_bodies_days = Days("bodies")
    keep_events_days = Days("events")
    keep_logs_days = Days("logs")
