"""Templates: subjects and bodies with variables, kept under a name."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from services.gateway import template_store
from services.gateway.auth import principal
from services.gateway.errors import problem
from services.gateway.one_insert import Row
from services.gateway.personal import filled
from services.gateway.routes.blueprint import Blueprint
from services.gateway.schemas.templates import (
    PARTS,
    ChangeTemplateSchema,
    NewTemplateSchema,
    PreviewSchema,
    RenderedSchema,
    TemplateListSchema,
    TemplateSchema,
)
from services.gateway.schemas.windows import WindowQuerySchema
from services.gateway.windows import Window
from shared.db import transaction
from shared.errors import ApiError, FieldError
from shared.templates import parse, with_full_name

blueprint = Blueprint(
    "templates",
    __name__,
    url_prefix="/api",
    scope="templates",
    guide="templates",
    description="Subjects and bodies with variables.",
)


@blueprint.operation(
    "/templates",
    "POST",
    body=NewTemplateSchema,
    answers=(201, TemplateSchema),
    refuses=("template_name_taken",),
    body_example={
        "name": "Welcome",
        "subject": "Welcome, {{first_name|there}}!",
        "html": "<h1>Hello {{first_name|there}}</h1><p>Your plan: {{metadata.plan}}</p>",
        "text": "Hello {{first_name|there}}. Your plan: {{metadata.plan}}",
    },
)
def create_template(body: dict[str, Any]) -> dict[str, Any]:
    """Create a template

    A `{{` that begins no variable is refused, with its line and column.
    """
    with transaction() as tx:
        return _shown(template_store.create(tx, principal().account_id, _bodies_or_none(body)))


@blueprint.operation("/templates", "GET", query=WindowQuerySchema, answers=(200, TemplateListSchema))
def list_templates(query: dict[str, Any]) -> dict[str, Any]:
    """List templates

    Newest first, without their bodies. The next page is the one `after` the last id of this one.
    """
    with transaction() as tx:
        rows, has_more = template_store.window(tx, principal().account_id, Window.of(query))
    return {"object": "list", "has_more": has_more, "data": rows}


@blueprint.operation(
    "/templates/<uuid:template_id>", "GET", answers=(200, TemplateSchema), refuses=("not_found",)
)
def get_template(template_id: UUID) -> dict[str, Any]:
    """Show a template"""
    with transaction() as tx:
        return _shown(_template(tx, template_id))


@blueprint.operation(
    "/templates/<uuid:template_id>",
    "PATCH",
    body=ChangeTemplateSchema,
    answers=(200, TemplateSchema),
    refuses=("not_found", "template_name_taken"),
    body_example={"subject": "Welcome, {{full_name|there}}!"},
)
def change_template(body: dict[str, Any], template_id: UUID) -> dict[str, Any]:
    """Change a template

    Emails that were accepted before keep the text that it had then.
    """
    body = _bodies_or_none(body)
    with transaction() as tx:
        found = _template(tx, template_id, lock=True)
        changed = {**found, **body}
        if not (changed["html"] or changed["text"]):
            missing = FieldError("/html", "A template needs html or text, or both.")
            raise problem("validation_error", errors=[missing])
        if body:
            found = template_store.change(tx, principal().account_id, template_id, body)
    return _shown(found)


@blueprint.operation(
    "/templates/<uuid:template_id>", "DELETE", answers=(200, TemplateSchema), refuses=("not_found",)
)
def delete_template(template_id: UUID) -> dict[str, Any]:
    """Delete a template

    Answers with what was deleted. Emails that were accepted before are sent all the same.
    """
    with transaction() as tx:
        removed = template_store.remove(tx, principal().account_id, template_id)
    if removed is None:
        raise _unknown()
    return _shown(removed)


@blueprint.operation(
    "/templates/<uuid:template_id>/preview",
    "POST",
    body=PreviewSchema,
    answers=(200, RenderedSchema),
    refuses=("not_found",),
    body_example={"variables": {"first_name": "Ada", "metadata": {"plan": "pro"}}},
)
def preview_template(body: dict[str, Any], template_id: UUID) -> dict[str, Any]:
    """Preview a template

    What an email with these variables would say. Sends nothing.
    """
    with transaction() as tx:
        found = _template(tx, template_id)
    values = with_full_name(body["variables"])
    return {
        "subject": parse(found["subject"]).render_line(values),
        "html": filled(found["html"], values, html=True, field="html"),
        "text": filled(found["text"], values, html=False, field="text"),
        "variables": _variables(found),
    }


def _shown(template: Row) -> dict[str, Any]:
    return {**template, "variables": _variables(template)}


def _variables(template: Row) -> list[str]:
    return list(dict.fromkeys(name for part in PARTS for name in parse(template[part] or "").variables))


def _bodies_or_none(body: dict[str, Any]) -> dict[str, Any]:
    """An empty body is none."""
    return {name: value or None for name, value in body.items()}


def _template(tx: Connection, id: UUID, *, lock: bool = False) -> Row:
    found = template_store.get(tx, principal().account_id, id, lock=lock)
    if found is None:
        raise _unknown()
    return found


def _unknown() -> ApiError:
    return problem("not_found", "There is no template with this id.")
