"""POST /api/send/batch: up to a hundred emails, each judged on its own, and what became of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from services.gateway.batch import Judged
from services.gateway.errors import problem
from services.gateway.intents import Intent
from services.gateway.principal import Principal
from services.gateway.schemas.errors import FaultSchema
from services.gateway.schemas.fields import Mailbox, Moment
from services.gateway.schemas.send import SendSchema
from shared.errors import ApiError, FieldError
from shared.pointers import faults

MAX_EMAILS = 100
#: Most faults told of one email: a hundred bad emails must not make an answer of megabytes.
_MAX_FAULTS = 10


class BatchEmailSchema(SendSchema):
    """One email of a batch: the fields of the single send; `from` is the credential's address by default."""

    sender = Mailbox(
        data_key="from",
        allow_none=True,
        load_default=None,
        metadata={
            "description": "Sender; by default the credential's own address and display name.",
            "example": "hello@example.com",
        },
    )


class Emails(fields.List[Any]):
    """The emails of a batch, as they are: one that is wrong must not make the others wrong."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> list[Any]:
        if not isinstance(value, list):
            raise ValidationError("Not an array.")
        wrong = {index: ["Not an object."] for index, item in enumerate(value) if not isinstance(item, dict)}
        if wrong:
            raise ValidationError(wrong)
        return value


class BatchSchema(Schema):
    """Emails to send."""

    emails = Emails(
        fields.Nested(BatchEmailSchema), required=True, validate=validate.Length(min=1, max=MAX_EMAILS)
    )


class BatchResultSchema(Schema):
    """What became of one email: accepted (`id`, `message_id`), or failed (`error`, `code`, `errors`)."""

    id = fields.UUID()
    message_id = fields.String()
    status = fields.String(required=True, validate=validate.OneOf(["sent", "scheduled", "failed"]))
    send_at = Moment(metadata={"description": "Only when scheduled: when it will be sent."})
    error = fields.String(metadata={"description": "Only when failed: a sentence for a person."})
    code = fields.String(metadata={"description": "Only when failed: stable, for machines."})
    errors = fields.List(
        fields.Nested(FaultSchema),
        metadata={"description": "Only when failed: where fields are at fault (`/emails/3/to/0`)."},
    )


class BatchResultsSchema(Schema):
    """One result for each email, in the order of the request."""

    results = fields.List(fields.Nested(BatchResultSchema), required=True)


_ONE = BatchEmailSchema()


def judge_each(emails: Sequence[dict[str, Any]], principal: Principal) -> list[Judged]:
    """Each of `emails` as an intent, or why it is none."""
    return [_judge(email, principal) for email in emails]


def _judge(email: dict[str, Any], principal: Principal) -> Judged:
    by_default = email.get("from") is None
    if by_default and not principal.username:  # a person has no address to send from by default
        return problem("validation_error", errors=[FieldError("/from", "Say who sends it.")])
    if by_default:
        email = {**email, "from": f"{principal.username}@{principal.domain}"}
    try:
        intent: Intent = _ONE.load(email)
    except ValidationError as error:
        return problem("validation_error", errors=faults(error.messages)[:_MAX_FAULTS])
    except ApiError as error:  # a part too large is 413 alone, and this email's own trouble in a batch
        return error
    if by_default and intent.sender.name is None:
        return replace(intent, sender=intent.sender.named(principal.display_name))
    return intent
