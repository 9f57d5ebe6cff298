"""POST /api/validate: one address, and what is known about it."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

from services.gateway.validation import INVALID, UNKNOWN, VALID, Checked
from shared.mx import STATUSES

#: Why an address is what it is.
CODES = ("deliverable", "invalid_syntax", "nxdomain", "null_mx", "no_mail", "suppressed", "dns_unknown")


class ValidateSchema(Schema):
    """The address to check."""

    email = fields.String(
        required=True, validate=validate.Length(1, 1000), metadata={"example": "ada@example.net"}
    )


class MxCheckSchema(Schema):
    """Where mail for the domain goes."""

    status = fields.String(required=True, validate=validate.OneOf(STATUSES), metadata={"example": "mx"})
    hosts = fields.List(fields.String(), required=True, metadata={"example": ["mx1.example.net"]})


class ChecksSchema(Schema):
    """Check by check; null where an earlier one leaves nothing to look at."""

    syntax = fields.Boolean(required=True, metadata={"example": True})
    mx = fields.Nested(MxCheckSchema, required=True, allow_none=True)
    suppressed = fields.Boolean(required=True, allow_none=True, metadata={"example": False})
    role_account = fields.Boolean(required=True, allow_none=True, metadata={"example": False})
    disposable = fields.Boolean(required=True, allow_none=True, metadata={"example": False})


class ValidatedSchema(Schema):
    """What is known about an address."""

    email = fields.String(required=True, metadata={"example": "ada@example.net"})
    valid = fields.Boolean(
        required=True,
        metadata={
            "description": "False only if mail can't be sent there; true also when the DNS gave no answer.",
            "example": True,
        },
    )
    result = fields.String(required=True, validate=validate.OneOf((VALID, INVALID, UNKNOWN)))
    code = fields.String(
        required=True,
        validate=validate.OneOf(CODES),
        metadata={"description": "Why, for a program.", "example": "deliverable"},
    )
    reason = fields.String(
        required=True,
        metadata={
            "description": "Why, for a person.",
            "example": "Mail for example.net goes to mx1.example.net.",
        },
    )
    normalized = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "As it is sent to: the domain in A-labels.", "example": "ada@example.net"},
    )
    did_you_mean = fields.String(required=True, allow_none=True, metadata={"example": None})
    checks = fields.Nested(ChecksSchema, required=True)


def answer(checked: Checked) -> dict[str, Any]:
    """`checked` in the shape of `ValidatedSchema`."""
    address, mx = checked.address, checked.mx
    return {
        "email": checked.email,
        "valid": checked.result != INVALID,
        "result": checked.result,
        "code": checked.code,
        "reason": checked.reason,
        "normalized": address and address.email,
        "did_you_mean": checked.did_you_mean,
        "checks": {
            "syntax": address is not None,
            "mx": mx and {"status": mx.status, "hosts": list(mx.hosts)},
            "suppressed": None if address is None else checked.suppressed is not None,
            "role_account": checked.facts.get("role_account"),
            "disposable": checked.facts.get("disposable"),
        },
    }
