"""GET /api/billing: the plan, what was used of it, and what was paid."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from services.gateway.schemas.fields import Moment
from services.gateway.schemas.usage import PeriodSchema
from shared.models.billing import BILLING_STATES, PAYMENT_STATUSES


class PlanSchema(Schema):
    """A plan of this install."""

    id = fields.String(required=True, metadata={"example": "pro"})
    name = fields.String(required=True, metadata={"example": "Pro"})
    daily = fields.Integer(
        required=True, allow_none=True, metadata={"description": "Recipients a day; null: any number."}
    )
    monthly = fields.Integer(
        required=True, allow_none=True, metadata={"description": "The same a month.", "example": 50000}
    )


class PaymentSchema(Schema):
    """A payment, as far as it got."""

    id = fields.String(required=True, metadata={"example": "pay_00000000000001"})
    invoice_id = fields.String(required=True, allow_none=True, metadata={"example": "inv_00000000000001"})
    status = fields.String(required=True, validate=validate.OneOf(PAYMENT_STATUSES))
    amount = fields.Integer(
        required=True, metadata={"description": "In the currency's smallest unit.", "example": 49900}
    )
    currency = fields.String(required=True, metadata={"example": "INR"})
    happened_at = Moment(required=True)


class BillingSchema(Schema):
    """Where the account stands."""

    object = fields.String(required=True, validate=validate.OneOf(["billing"]))
    enabled = fields.Boolean(
        required=True, metadata={"description": "false: this install bills nobody, nothing is limited by it."}
    )
    plan = fields.Nested(
        PlanSchema, required=True, allow_none=True, metadata={"description": "The plan in force."}
    )
    state = fields.String(required=True, validate=validate.OneOf(BILLING_STATES))
    subscription_id = fields.String(
        required=True, allow_none=True, metadata={"example": "sub_00000000000001"}
    )
    paid_through = Moment(required=True, allow_none=True)
    grace_until = Moment(
        required=True,
        allow_none=True,
        metadata={"description": "A charge failed and is tried again; the plan stays in force until then."},
    )
    daily = fields.Nested(PeriodSchema, required=True)
    monthly = fields.Nested(PeriodSchema, required=True)
    payments = fields.List(
        fields.Nested(PaymentSchema), required=True, metadata={"description": "The last 100, newest first."}
    )
