"""Sending domains: the records to publish, verification, score and DKIM rotation."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from uuid import UUID

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from services.gateway import domain_store
from services.gateway.auth import actor, principal
from services.gateway.domain_store import Refused
from services.gateway.errors import problem
from services.gateway.routes.blueprint import Blueprint
from services.gateway.schemas.domains import (
    ChangeDomainSchema,
    DomainListSchema,
    DomainSchema,
    NewDomainSchema,
    RotateKeySchema,
    ScoreSchema,
)
from services.gateway.schemas.windows import WindowQuerySchema
from services.gateway.windows import Window
from shared import audit
from shared.db import transaction
from shared.dkim_keys import RSA, generate_key
from shared.domain_checks.live import live
from shared.domain_checks.look import look
from shared.domain_checks.score import score
from shared.domain_state import Domain, DomainTaken, record_look, tell_domain
from shared.errors import ApiError
from shared.install import install
from shared.settings import settings

blueprint = Blueprint(
    "domains", __name__, url_prefix="/api", scope="domains", guide="domains", description="Sending domains."
)


@blueprint.operation(
    "/domains",
    "POST",
    body=NewDomainSchema,
    answers=(201, DomainSchema),
    refuses=("domain_exists", "domain_taken"),
)
def add_domain(body: dict[str, Any]) -> dict[str, Any]:
    """Add a domain

    Answers with the records to publish. It can send once it is verified.
    """
    key = generate_key(RSA)  # takes a moment, so before the transaction
    with transaction() as tx:
        try:
            domain = domain_store.add(tx, principal().account_id, body["domain"], key)
        except Refused as refused:
            raise problem(refused.code, str(refused)) from None
        audit.record(tx, actor(), "domain.created", domain.id, {"domain": domain.name})
        tell_domain(tx, domain, "created")
    return _shown(domain)


@blueprint.operation("/domains", "GET", query=WindowQuerySchema, answers=(200, DomainListSchema))
def list_domains(query: dict[str, Any]) -> dict[str, Any]:
    """List domains

    Newest first. The next page is the one `after` the last id of this one.
    """
    with transaction() as tx:
        found, has_more = domain_store.page(tx, principal().account_id, Window.of(query))
    return {"object": "list", "has_more": has_more, "data": [_item(domain) for domain in found]}


@blueprint.operation("/domains/<uuid:domain_id>", "GET", answers=(200, DomainSchema), refuses=("not_found",))
def get_domain(domain_id: UUID) -> dict[str, Any]:
    """Show a domain

    With the records to publish, and what the last look found of them.
    """
    with transaction() as tx:
        return _shown(_domain(tx, domain_id))


@blueprint.operation(
    "/domains/<uuid:domain_id>",
    "PATCH",
    body=ChangeDomainSchema,
    answers=(200, DomainSchema),
    refuses=("not_found",),
)
def change_domain(body: dict[str, Any], domain_id: UUID) -> dict[str, Any]:
    """Change a domain

    What is tracked of its mail.
    """
    wanted = body.get("tracking", {})
    with transaction() as tx:
        _domain(tx, domain_id, lock=True)
        changed = domain_store.change(tx, domain_id, {f"track_{name}": on for name, on in wanted.items()})
        audit.record(tx, actor(), "domain.changed", domain_id, {"domain": changed.name, "tracking": wanted})
    return _shown(changed)


@blueprint.operation(
    "/domains/<uuid:domain_id>",
    "DELETE",
    answers=(200, DomainSchema),
    refuses=("not_found", "domain_in_use"),
)
def delete_domain(domain_id: UUID) -> dict[str, Any]:
    """Delete a domain

    Refused while it has credentials. Its DKIM keys are gone for good. Answers with what was deleted.
    """
    with transaction() as tx:
        domain = _domain(tx, domain_id, lock=True)
        try:
            domain_store.remove(tx, domain)
        except Refused as refused:
            raise problem(refused.code, str(refused)) from None
        audit.record(tx, actor(), "domain.deleted", domain_id, {"domain": domain.name})
        tell_domain(tx, domain, "deleted")
    return _shown(domain)


@blueprint.operation(
    "/domains/<uuid:domain_id>/verify",
    "POST",
    answers=(200, DomainSchema),
    refuses=("not_found", "domain_taken"),
)
def verify_domain(domain_id: UUID) -> dict[str, Any]:
    """Verify a domain

    Looks its records up now, and says of each whether it is there and what is wrong with it.
    """
    with transaction() as tx:
        domain = _domain(tx, domain_id)
    found = look(live(settings().domain_check_seconds), domain.records, install())
    try:
        with transaction() as tx:
            changed = record_look(tx, domain_id, found, actor())
    except (DomainTaken, IntegrityError):
        raise problem("domain_taken", f"Another account has verified {domain.name}.") from None
    if changed is None:
        raise _unknown()
    return _shown(changed)


@blueprint.operation(
    "/domains/<uuid:domain_id>/score", "GET", answers=(200, ScoreSchema), refuses=("not_found",)
)
def get_domain_score(domain_id: UUID) -> dict[str, Any]:
    """Score a domain's DNS

    0 to 100, with each check of SPF, DKIM, DMARC and MX: what was found, what is wrong, how to mend it.
    """
    with transaction() as tx:
        domain = _domain(tx, domain_id)
    ask = live(settings().domain_check_seconds)
    told = score(ask, domain.records, install(), return_path=domain.return_path_verified)
    return {"id": domain.id, "domain": domain.name, **asdict(told)}


@blueprint.operation(
    "/domains/<uuid:domain_id>/dkim/rotate",
    "POST",
    body=RotateKeySchema,
    answers=(200, DomainSchema),
    refuses=("not_found", "rotation_pending"),
)
def rotate_dkim_key(body: dict[str, Any], domain_id: UUID) -> dict[str, Any]:
    """Rotate a DKIM key

    Makes a new key. It signs once its record was seen in the DNS; until then the key until now goes on.
    """
    key = generate_key(body["algorithm"])
    with transaction() as tx:
        domain = _domain(tx, domain_id, lock=True)
        try:
            changed = domain_store.rotate(tx, domain, key)
        except Refused as refused:
            raise problem(refused.code, str(refused)) from None
        audit.record(tx, actor(), "domain.dkim_rotated", domain_id, {"selector": key.selector})
    return _shown(changed)


def _domain(tx: Connection, id: UUID, *, lock: bool = False) -> Domain:
    found = domain_store.get(tx, principal().account_id, id, lock=lock)
    if found is None:
        raise _unknown()
    return found


def _unknown() -> ApiError:
    return problem("not_found", "There is no domain with this id.")


def _item(domain: Domain) -> dict[str, Any]:
    tracking = {"opens": domain.track_opens, "clicks": domain.track_clicks}
    return {**{name: getattr(domain, name) for name in _PLAIN}, "domain": domain.name, "tracking": tracking}


_PLAIN = (
    "id",
    "status",
    "return_path_verified",
    "tracking_verified",
    "created_at",
    "verified_at",
    "checked_at",
    "next_check_at",
)


def _shown(domain: Domain) -> dict[str, Any]:
    known = domain.checks.get("records", {})
    unchecked: dict[str, Any] = {"status": "unchecked", "found": [], "problem": None}
    records = [
        {
            "purpose": record.purpose,
            "type": record.type,
            "host": record.host,
            "name": record.name,
            "value": record.value,
            "values": record.values,
            "required": record.required,
            "key_status": record.key.status if record.key else None,
            **known.get(f"{record.purpose}:{record.host}", unchecked),
        }
        for record in domain.records
    ]
    return {**_item(domain), "records": records}
