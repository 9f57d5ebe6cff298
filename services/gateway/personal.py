"""Emails with variables: stored templates filled in, and what the variables would make of them.

An accepted email holds the text of its template as it was then: changing or deleting the template changes
nothing about it. Refuses unknown templates, and variables that blow an email up beyond what one may be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from sqlalchemy import Connection

from services.gateway import template_store
from services.gateway.errors import problem
from services.gateway.intents import MAX_SUBJECT, Intent
from services.gateway.one_insert import Row
from shared.addresses import MAX_NAME
from shared.errors import ApiError, FieldError
from shared.settings import settings
from shared.templates import TemplateError, parse, with_full_name


def personalised(tx: Connection, account_id: UUID, intents: Sequence[Intent]) -> list[Intent | ApiError]:
    """`intents` with the text of their templates, or why not: at most one query for all of them."""
    wanted = {intent.template_id for intent in intents if intent.template_id}
    found = template_store.of_ids(tx, account_id, wanted) if wanted else {}
    return [intent if intent.variables is None else _personal(intent, found) for intent in intents]


def filled(source: str | None, values: dict[str, object], *, html: bool, field: str) -> str | None:
    """The body template `source` with `values` filled in.

    Raises:
        ApiError: 413; it would be larger than a body may be. `field` is what it is called.
    """
    if source is None:
        return None
    refusal = _too_large(source, values, html=html, field=field)
    if refusal:
        raise refusal
    return parse(source).render(values, html=html)


def _personal(intent: Intent, found: dict[UUID, Row]) -> Intent | ApiError:
    if intent.template_id:
        template = found.get(intent.template_id)
        if template is None:
            unknown = FieldError("/template_id", "There is no template with this id.")
            return problem("validation_error", unknown.detail, [unknown])
        intent = replace(
            intent,
            subject=intent.subject or template["subject"],
            html=intent.html or template["html"],
            text=intent.text or template["text"],
        )
    # as the reference has them for contacts
    values = with_full_name({"email": intent.recipients[0].address.email, **(intent.variables or {})})
    try:
        name = _name(intent.sender.name, values)
    except TemplateError as error:  # the other parts were checked with the request, or when they were kept
        return problem("validation_error", errors=[FieldError("/from_name", str(error))])
    return _refusal(intent, values) or replace(intent, variables=values, sender=intent.sender.named(name))


def _refusal(intent: Intent, values: dict[str, object]) -> ApiError | None:
    if parse(intent.subject).length(values, html=False) > MAX_SUBJECT:
        at_fault = FieldError("/subject", f"Once filled in it has more than {MAX_SUBJECT} characters.")
        return problem("validation_error", errors=[at_fault])
    for field, source, html in (("html", intent.html, True), ("text", intent.text, False)):
        refusal = _too_large(source, values, html=html, field=field) if source else None
        if refusal:
            return refusal
    return None


def _too_large(source: str, values: dict[str, object], *, html: bool, field: str) -> ApiError | None:
    most = settings().max_body_bytes
    if parse(source).length(values, html=html) <= most:
        return None
    words = f"Once filled in, {field} has more than {most} characters."
    return problem("payload_too_large", words, [FieldError(f"/{field}", words)])


def _name(source: str | None, values: dict[str, object]) -> str | None:
    """The display name `source` with the variables filled in, as long as one may be."""
    return parse(source).render_line(values)[:MAX_NAME].strip() or None if source else None
