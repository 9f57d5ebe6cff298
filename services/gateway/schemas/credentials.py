"""Credentials: what is asked for, what is shown, and what is shown once."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from services.gateway.schemas.fields import DisplayName, FutureMoment, Moment
from services.gateway.schemas.windows import PageSchema, WindowQuerySchema
from services.gateway.scopes import SCOPES
from shared.addresses import AddressError, parse_address

_MOST_NETWORKS = 100
_LONGEST_OVERLAP = 30 * 86_400

_SCOPES_HELP = "What it may do: " + "; ".join(f"`{name}`: {text}" for name, text in SCOPES.items())


class Username(fields.String):
    """The local part of an address."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        try:
            address = parse_address(f"{text}@example.com")
        except AddressError as error:
            raise ValidationError(str(error)) from None
        # an @-sign or a display name in it would have made another address of it
        if address.name or address.email != f"{address.local}@example.com" or "@" in text:
            raise ValidationError("Give the part before the @-sign alone.")
        return address.local


class Network(fields.String):
    """An address or a range of them: `192.0.2.1`, `192.0.2.0/24`, `2001:db8::/32`."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        try:
            return str(ip_network(text.strip()))
        except ValueError:
            raise ValidationError(
                "Not an IP address or range in CIDR notation, such as 192.0.2.0/24."
            ) from None


class _Rights(Schema):
    scopes = fields.List(
        fields.String(validate=validate.OneOf(list(SCOPES))),
        allow_none=True,
        validate=validate.Length(min=1),
        metadata={"description": f"{_SCOPES_HELP} null: all.", "example": ["send"]},
    )
    allowed_ips = fields.List(
        Network(),
        allow_none=True,
        validate=validate.Length(1, _MOST_NETWORKS),
        metadata={
            "description": "Addresses and ranges (CIDR) it may be used from; null: any.",
            "example": ["192.0.2.0/24"],
        },
    )
    expires_at = FutureMoment(
        allow_none=True,
        metadata={"description": "When it ends, ISO 8601; null: never."},
    )


class NewCredentialSchema(_Rights):
    """A credential to make."""

    domain_id = fields.UUID(required=True, metadata={"description": "The domain it sends from."})
    username = Username(
        required=True,
        metadata={"description": "Local part of its default sender address.", "example": "noreply"},
    )
    display_name = DisplayName(
        load_default=None,
        allow_none=True,
        metadata={"description": "Display name of its default sender.", "example": "My App"},
    )
    test = fields.Boolean(
        load_default=False,
        metadata={"description": "A test key (`mm_test_…`): what it sends is accepted and goes nowhere."},
    )


class ChangeCredentialSchema(_Rights):
    """What to change of a credential; what is not named stays."""

    username = Username(metadata={"example": "noreply"})
    display_name = DisplayName(allow_none=True, metadata={"example": "My App"})
    active = fields.Boolean(metadata={"description": "false: refused from now on, within 5 seconds."})


class RotateSchema(Schema):
    """How to rotate."""

    overlap_seconds = fields.Integer(
        load_default=86_400,
        validate=validate.Range(0, _LONGEST_OVERLAP),
        metadata={"description": "How long the key until now goes on; 0: it ends within 5 seconds."},
    )
    smtp_password = fields.Boolean(
        load_default=False,
        metadata={"description": "Make a new SMTP password too. The one until now ends at once."},
    )


class CredentialSchema(Schema):
    """A credential, without its secrets."""

    id = fields.UUID(required=True)
    domain_id = fields.UUID(required=True)
    domain = fields.String(required=True, metadata={"example": "example.com"})
    username = fields.String(required=True, metadata={"example": "noreply"})
    email = fields.String(
        required=True, metadata={"description": "Its default sender.", "example": "noreply@example.com"}
    )
    display_name = fields.String(required=True, allow_none=True, metadata={"example": "My App"})
    key_prefix = fields.String(
        required=True, metadata={"description": "How its API key begins.", "example": "mm_x7Fq"}
    )
    smtp_username = fields.String(required=True, allow_none=True, metadata={"example": "smtp_x7fq2k9c"})
    active = fields.Boolean(required=True)
    test = fields.Boolean(required=True)
    scopes = fields.List(fields.String(), required=True, allow_none=True, metadata={"example": ["send"]})
    allowed_ips = fields.List(
        fields.String(), required=True, allow_none=True, metadata={"example": ["192.0.2.0/24"]}
    )
    expires_at = Moment(required=True, allow_none=True)
    previous_key_expires_at = Moment(
        required=True,
        allow_none=True,
        metadata={"description": "Until when the key before the last rotation goes on."},
    )
    last_used_at = Moment(required=True, allow_none=True, metadata={"description": "Exact to a minute."})
    created_at = Moment(required=True)


class NewSecretsSchema(CredentialSchema):
    """A credential with the secrets that are shown this once."""

    api_key = fields.String(
        required=True, metadata={"description": "Shown once. Keep it safe.", "example": "mm_x7Fq2k9c…"}
    )
    smtp_password = fields.String(
        metadata={"description": "Shown once, where it is new.", "example": "kT3v…"}
    )


class CredentialListSchema(PageSchema):
    """A page of credentials, newest first."""

    data = fields.List(fields.Nested(CredentialSchema), required=True)


class CredentialQuerySchema(WindowQuerySchema):
    """Which credentials to list."""

    domain_id = fields.UUID(metadata={"description": "Those of this domain."})
