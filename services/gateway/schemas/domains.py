"""Sending domains: what is asked for, the records to publish, and the score."""

from __future__ import annotations

from functools import cache
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate
from publicsuffixlist import PublicSuffixList

from services.gateway.schemas.fields import Moment
from services.gateway.schemas.windows import PageSchema
from shared.addresses import AddressError, domain_name
from shared.domain_checks.findings import RECORD_STATUSES
from shared.domain_checks.records import PURPOSES
from shared.domain_checks.score import CHECK_STATUSES
from shared.models.accounts import DOMAIN_STATUSES
from shared.models.dkim import DKIM_ALGORITHMS, DKIM_STATUSES

#: A name that leaves room for our own below it: bounces.<domain>, mm…._domainkey.<domain>.
_LONGEST = 220


class DomainName(fields.String):
    """A domain that can belong to somebody, in A-label form; no public suffix."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        if "@" in text:
            raise ValidationError("Give the domain alone, without an @-sign.")
        try:
            name = domain_name(text)
        except AddressError:
            raise ValidationError("Not a domain name, such as example.com.") from None
        if len(name) > _LONGEST:
            raise ValidationError(f"A domain has at most {_LONGEST} characters.")
        if "." not in name or _suffixes().privatesuffix(name) is None:
            raise ValidationError(f"{name} is a public suffix: nobody can own it. Add a domain below it.")
        return name


@cache
def _suffixes() -> PublicSuffixList:
    """The list as it was when the package was made; a suffix that it does not know is one label."""
    return PublicSuffixList()


class NewDomainSchema(Schema):
    """A domain to send from."""

    domain = DomainName(required=True, metadata={"example": "example.com"})


class RotateKeySchema(Schema):
    """Which key to replace."""

    algorithm = fields.String(
        load_default="rsa-sha256",
        validate=validate.OneOf(DKIM_ALGORITHMS),
        metadata={
            "description": "`ed25519-sha256` adds, or replaces, a second signature beside the RSA one.",
            "example": "rsa-sha256",
        },
    )


class DomainTrackingSchema(Schema):
    """What is tracked of a domain's mail; null: as the install says."""

    opens = fields.Boolean(
        allow_none=True, metadata={"description": "Whether HTML bodies get a pixel.", "example": True}
    )
    clicks = fields.Boolean(
        allow_none=True, metadata={"description": "Whether links lead over us.", "example": None}
    )


class ChangeDomainSchema(Schema):
    """What to change of a domain; what is not named stays."""

    tracking = fields.Nested(
        DomainTrackingSchema,
        metadata={
            "description": "Whether opens and clicks of its mail are tracked, where a message does not say "
            "so itself. It holds within half a minute. [More](/docs/guides/tracking)",
            "example": {"opens": True, "clicks": False},
        },
    )


class ProblemSchema(Schema):
    """Something that is wrong in the DNS."""

    code = fields.String(required=True, metadata={"example": "zone_appended_twice"})
    detail = fields.String(
        required=True, metadata={"example": "The record is at a name that has the zone twice."}
    )
    fix = fields.String(required=True, metadata={"example": "Enter only the part before the domain."})


_FOUND = {"description": "What the DNS has instead, or there.", "example": ["v=spf1 -all"]}


class RecordSchema(Schema):
    """A record to publish, and what was found in its place."""

    purpose = fields.String(required=True, validate=validate.OneOf(PURPOSES))
    type = fields.String(required=True, metadata={"example": "TXT"})
    host = fields.String(
        required=True,
        metadata={"description": "Relative to the domain; `@` is the domain itself.", "example": "_dmarc"},
    )
    name = fields.String(required=True, metadata={"example": "_dmarc.example.com"})
    value = fields.String(required=True, metadata={"example": "v=DMARC1; p=none"})
    values = fields.List(
        fields.String(),
        required=True,
        metadata={"description": "Cut into strings of one TXT record.", "example": ["v=DMARC1; p=none"]},
    )
    required = fields.Boolean(required=True, metadata={"description": "Whether verification needs it."})
    status = fields.String(required=True, validate=validate.OneOf(RECORD_STATUSES))
    key_status = fields.String(
        required=True,
        allow_none=True,
        validate=validate.OneOf(DKIM_STATUSES),
        metadata={
            "description": "Of a DKIM key. `retiring`: leave the record until it is not listed any more."
        },
    )
    found = fields.List(fields.String(), required=True, metadata=_FOUND)
    problem = fields.Nested(ProblemSchema, required=True, allow_none=True)


class DomainItemSchema(Schema):
    """A sending domain."""

    id = fields.UUID(required=True)
    domain = fields.String(required=True, metadata={"example": "example.com"})
    status = fields.String(required=True, validate=validate.OneOf(DOMAIN_STATUSES))
    return_path_verified = fields.Boolean(
        required=True, metadata={"description": "Whether bounces go to bounces.<domain>."}
    )
    tracking_verified = fields.Boolean(
        required=True, metadata={"description": "Whether links lead to links.<domain>."}
    )
    tracking = fields.Nested(DomainTrackingSchema, required=True)
    created_at = Moment(required=True)
    verified_at = Moment(required=True, allow_none=True)
    checked_at = Moment(
        required=True, allow_none=True, metadata={"description": "When its records were looked up."}
    )
    next_check_at = Moment(required=True, allow_none=True)


class DomainSchema(DomainItemSchema):
    """A sending domain with the records to publish."""

    records = fields.List(fields.Nested(RecordSchema), required=True)


class DomainListSchema(PageSchema):
    """A page of domains, newest first."""

    data = fields.List(fields.Nested(DomainItemSchema), required=True)


class CheckSchema(Schema):
    """One check of the score."""

    name = fields.String(required=True, metadata={"example": "spf"})
    status = fields.String(required=True, validate=validate.OneOf(CHECK_STATUSES))
    points = fields.Integer(required=True, metadata={"example": 25})
    max_points = fields.Integer(required=True, metadata={"example": 25})
    found = fields.List(fields.String(), required=True, metadata=_FOUND)
    problems = fields.List(fields.Nested(ProblemSchema), required=True)


class ScoreSchema(Schema):
    """The score of a domain's DNS."""

    id = fields.UUID(required=True)
    domain = fields.String(required=True, metadata={"example": "example.com"})
    score = fields.Integer(
        required=True,
        allow_none=True,
        validate=validate.Range(0, 100),
        metadata={
            "description": "0 to 100, of what could be checked; null: nothing could be.",
            "example": 95,
        },
    )
    inconclusive = fields.Boolean(
        required=True,
        metadata={"description": "Whether the DNS did not answer for some of it.", "example": False},
    )
    checks = fields.List(fields.Nested(CheckSchema), required=True)
