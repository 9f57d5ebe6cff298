"""Credentials: the API keys and SMTP logins of an account's applications."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from services.gateway import credential_store
from services.gateway.auth import actor, principal
from services.gateway.errors import problem
from services.gateway.routes.blueprint import Blueprint
from services.gateway.schemas.credentials import (
    ChangeCredentialSchema,
    CredentialListSchema,
    CredentialQuerySchema,
    CredentialSchema,
    NewCredentialSchema,
    NewSecretsSchema,
    RotateSchema,
)
from services.gateway.scopes import exceeds, granted
from services.gateway.windows import Window
from shared import audit
from shared.clock import iso
from shared.db import transaction
from shared.errors import FieldError

blueprint = Blueprint(
    "credentials",
    __name__,
    url_prefix="/api",
    scope="credentials",
    guide="api-keys",
    description="API keys and SMTP logins.",
)


@blueprint.operation(
    "/credentials",
    "POST",
    body=NewCredentialSchema,
    answers=(201, NewSecretsSchema),
    refuses=("scope_exceeded",),
    body_example={
        "domain_id": "0197a3c0-5c1e-7c3a-9f0e-2f3a4b5c6d7e",
        "username": "noreply",
        "display_name": "My App",
    },
)
def create_credential(body: dict[str, Any]) -> dict[str, Any]:
    """Create a credential

    The API key and the SMTP password are shown in this answer and never again.
    """
    domain_id = body.pop("domain_id")
    _no_more_than_own(body.get("scopes"), body["test"])
    with transaction() as tx:
        try:
            id, secrets = credential_store.create(
                tx, principal().account_id, domain_id, credential_store.Wanted(**body)
            )
        except LookupError:
            missing = FieldError("/domain_id", "There is no domain with this id.")
            raise problem("validation_error", missing.detail, [missing]) from None
        made = _credential(tx, id)
        audit.record(tx, actor(), "credential.created", id, _as_json(body) | {"domain": made["domain"]})
    return {**made, "api_key": secrets.api_key, "smtp_password": secrets.smtp_password}


@blueprint.operation("/credentials", "GET", query=CredentialQuerySchema, answers=(200, CredentialListSchema))
def list_credentials(query: dict[str, Any]) -> dict[str, Any]:
    """List credentials

    Newest first. The next page is the one `after` the last id of this one.
    """
    with transaction() as tx:
        rows, has_more = credential_store.page(
            tx, principal().account_id, Window.of(query), query.get("domain_id")
        )
    return {"object": "list", "has_more": has_more, "data": rows}


@blueprint.operation(
    "/credentials/<uuid:credential_id>", "GET", answers=(200, CredentialSchema), refuses=("not_found",)
)
def get_credential(credential_id: UUID) -> dict[str, Any]:
    """Show a credential"""
    with transaction() as tx:
        return _credential(tx, credential_id)


@blueprint.operation(
    "/credentials/<uuid:credential_id>",
    "PATCH",
    body=ChangeCredentialSchema,
    answers=(200, CredentialSchema),
    refuses=("not_found", "scope_exceeded"),
)
def change_credential(body: dict[str, Any], credential_id: UUID) -> dict[str, Any]:
    """Change a credential

    Rename it, deactivate or activate it, set its scopes, its networks or its expiry. What is refused from now
    on is refused everywhere within 5 seconds.
    """
    with transaction() as tx:
        found = _changeable(tx, credential_id)
        if "scopes" in body:
            _no_more_than_own(body["scopes"], found["test"])
        if body:
            credential_store.change(tx, principal().account_id, credential_id, body)
            audit.record(tx, actor(), "credential.updated", credential_id, _as_json(body))
        return _credential(tx, credential_id)


@blueprint.operation(
    "/credentials/<uuid:credential_id>/rotate",
    "POST",
    body=RotateSchema,
    answers=(200, NewSecretsSchema),
    refuses=("not_found", "scope_exceeded"),
    body_example={"overlap_seconds": 86400},
)
def rotate_credential(body: dict[str, Any], credential_id: UUID) -> dict[str, Any]:
    """Rotate a credential

    Answers with a new API key. The one until now goes on for the overlap, so that applications can change
    over.
    """
    overlap = timedelta(seconds=body["overlap_seconds"])
    with transaction() as tx:
        _changeable(tx, credential_id)
        secrets = credential_store.rotate(
            tx, principal().account_id, credential_id, overlap, smtp_password=body["smtp_password"]
        )
        audit.record(tx, actor(), "credential.rotated", credential_id, body)
        rotated = _credential(tx, credential_id)
    shown = {"smtp_password": secrets.smtp_password} if secrets.smtp_password else {}
    return {**rotated, "api_key": secrets.api_key, **shown}


@blueprint.operation(
    "/credentials/<uuid:credential_id>",
    "DELETE",
    answers=(200, CredentialSchema),
    refuses=("not_found", "scope_exceeded"),
)
def delete_credential(credential_id: UUID) -> dict[str, Any]:
    """Delete a credential

    Its key and its SMTP login are refused everywhere within 5 seconds. Answers with what was deleted.
    """
    with transaction() as tx:
        found = _changeable(tx, credential_id)
        credential_store.delete(tx, principal().account_id, credential_id)
        audit.record(tx, actor(), "credential.deleted", credential_id, {"email": found["email"]})
    return {**found, "active": False}


def _credential(tx: Connection, id: UUID, *, lock: bool = False) -> dict[str, Any]:
    found = credential_store.get(tx, principal().account_id, id, lock=lock)
    if found is None:
        raise problem("not_found", "There is no credential with this id.")
    return found


def _changeable(tx: Connection, id: UUID) -> dict[str, Any]:
    """The credential, locked: who may do less than it must not get hold of its key."""
    found = _credential(tx, id, lock=True)
    _no_more_than_own(found["scopes"], found["test"])
    return found


def _no_more_than_own(scopes: list[str] | None, test: bool) -> None:
    if exceeds(granted(scopes), principal().scopes):
        raise problem("scope_exceeded")
    if principal().test and not test:
        raise problem("scope_exceeded", "A test key has to do with test keys only.")


def _as_json(values: dict[str, Any]) -> dict[str, Any]:
    """What the audit log keeps of a change."""
    ends = values.get("expires_at")
    return {**values, "expires_at": iso(ends)} if ends else values
