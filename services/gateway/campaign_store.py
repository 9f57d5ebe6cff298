"""Campaigns as rows: made, found, changed, moved between states; every statement is scoped by account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Table, delete, insert, select, update

from services.gateway import template_store
from services.gateway.errors import problem
from services.gateway.one_insert import Row
from services.gateway.principal import Principal
from services.gateway.windows import Window, rows_in
from shared import campaign_states
from shared.clock import now
from shared.errors import FieldError
from shared.ids import new_id
from shared.models import campaigns, lists, segments, tags

#: Parts of an audience that name several, and those that name one.
_MANY = ("list_ids", "tag_ids", "exclude_list_ids", "exclude_tag_ids", "exclude_segment_ids")
_ONE = ("segment_id",)
_NAMED: tuple[tuple[str, Table], ...] = (
    ("list_ids", lists),
    ("tag_ids", tags),
    ("exclude_list_ids", lists),
    ("exclude_tag_ids", tags),
    ("segment_id", segments),
    ("exclude_segment_ids", segments),
)
#: field of the body → column of the template
_FROM_TEMPLATE = {"subject": "subject", "content_html": "html", "content_text": "text"}


def create(tx: Connection, who: Principal, body: Mapping[str, Any]) -> Row:
    """Makes a draft of `body` (schemas.campaigns.NewCampaignSchema).

    Raises:
        ApiError: 403 or 422; what it names is not the account's, or it has no subject or body.
    """
    moment = now()
    values = {
        **_values(tx, who, body, {}),
        "id": new_id(),
        "account_id": who.account_id,
        "credential_id": who.credential_id,
        "test": who.test,
        "created_at": moment,
        "updated_at": moment,
    }
    _check_parts(values)
    return dict(tx.execute(insert(campaigns).values(values).returning(campaigns)).mappings().one())


def window(tx: Connection, account_id: UUID, page: Window, status: str | None) -> tuple[list[Row], bool]:
    """A page of the account's campaigns, newest first, and whether there are more."""
    query = select(campaigns).where(campaigns.c.account_id == account_id)
    if status:
        query = query.where(campaigns.c.status == status)
    return rows_in(tx, query, campaigns.c.id, page)


def find(tx: Connection, account_id: UUID, id: UUID, *, lock: bool = False) -> Row:
    """One campaign; raises ApiError (404) if the account has none with this id."""
    query = select(campaigns).where(campaigns.c.account_id == account_id, campaigns.c.id == id)
    row = tx.execute(query.with_for_update() if lock else query).mappings().one_or_none()
    if row is None:
        raise problem("not_found", "There is no campaign with this id.")
    return dict(row)


def ready_for(tx: Connection, account_id: UUID, id: UUID, deed: str) -> Row:
    """One campaign, locked, whose state allows `deed` (shared.campaign_states).

    Raises:
        ApiError: 404, or 409 naming the state that does not.
    """
    found = find(tx, account_id, id, lock=True)
    why_not = campaign_states.refusal(deed, found["status"])
    if why_not:
        raise problem("wrong_state", why_not)
    return found


def change(tx: Connection, who: Principal, id: UUID, body: Mapping[str, Any]) -> Row:
    """Changes what `body` names of a campaign whose sending has not begun.

    Raises:
        ApiError: 403, 404, 409 or 422.
    """
    found = ready_for(tx, who.account_id, id, "changed")
    values = _values(tx, who, body, found["audience"])
    _check_parts({**found, **values})
    return put(tx, id, **values)


def put(tx: Connection, id: UUID, **values: Any) -> Row:
    """Writes `values` into a campaign that the caller has locked."""
    statement = update(campaigns).where(campaigns.c.id == id).values(updated_at=now(), **values)
    return dict(tx.execute(statement.returning(campaigns)).mappings().one())


def clone(tx: Connection, who: Principal, id: UUID, name: str | None) -> Row:
    """A new draft that says the same to the same."""
    found = find(tx, who.account_id, id)
    moment = now()
    copied = (
        "subject",
        "from_email",
        "from_name",
        "reply_to",
        "template_id",
        "content_html",
        "content_text",
        "audience",
        "track_opens",
        "track_clicks",
        "rate_limit",
    )
    values = {
        **{key: found[key] for key in copied},
        "id": new_id(),
        "account_id": who.account_id,
        "credential_id": who.credential_id,
        "test": who.test,
        "name": name or f"Copy of {found['name']}"[:255],
        "created_at": moment,
        "updated_at": moment,
    }
    return dict(tx.execute(insert(campaigns).values(values).returning(campaigns)).mappings().one())


def remove(tx: Connection, account_id: UUID, id: UUID) -> Row:
    """Deletes a campaign that is not being sent, and says what it was; raises ApiError (404, 409)."""
    found = ready_for(tx, account_id, id, "deleted")
    tx.execute(delete(campaigns).where(campaigns.c.id == id))
    return found


def check_sender(who: Principal, from_email: str) -> None:
    """Raises ApiError (403) where `who` may not send from this address."""
    domain = from_email.rpartition("@")[2]
    if domain not in who.domains:
        allowed = ", ".join(sorted(who.domains)) or "no domain yet"
        at_fault = [FieldError("/from_email", f"You send from addresses at {allowed}.")]
        raise problem("domain_not_allowed", f"You may not send from {domain}.", at_fault)
    if not who.domains[domain]:
        at_fault = [FieldError("/from_email", f"Publish the DNS records of {domain} and verify it.")]
        raise problem("domain_not_verified", f"The domain {domain} is not verified yet.", at_fault)


def _values(tx: Connection, who: Principal, body: Mapping[str, Any], audience: Mapping[str, Any]) -> Row:
    """The columns that `body` sets."""
    values = {key: body[key] for key in ("name", "rate_limit", "track_opens", "track_clicks") if key in body}
    if "from_email" in body:
        check_sender(who, body["from_email"].email)
        values["from_email"] = body["from_email"].email
        if body["from_email"].name:
            values["from_name"] = body["from_email"].name
    if "reply_to" in body:
        values["reply_to"] = body["reply_to"] and body["reply_to"].email
    values |= {
        key: body[key] or None
        for key in ("from_name", "subject", "content_html", "content_text")
        if key in body
    }
    if body.get("template_id"):
        values = {**_copied(tx, who.account_id, body["template_id"]), **values}
    values["audience"] = _audience(tx, who.account_id, body, audience)
    return values


def _copied(tx: Connection, account_id: UUID, template_id: UUID) -> Row:
    found = template_store.get(tx, account_id, template_id)
    if found is None:
        unknown = FieldError("/template_id", "There is no template with this id.")
        raise problem("validation_error", unknown.detail, [unknown])
    return {"template_id": template_id, **{ours: found[its] for ours, its in _FROM_TEMPLATE.items()}}


def _audience(tx: Connection, account_id: UUID, body: Mapping[str, Any], before: Mapping[str, Any]) -> Row:
    """The audience as stored, once `body` is applied; what it names must be the account's."""
    named: Row = {key: [str(id) for id in body[key]] for key in _MANY if key in body}
    if "list_id" in body:
        named["list_ids"] = [str(body["list_id"])] if body["list_id"] else []
    named |= {key: body[key] and str(body[key]) for key in _ONE if key in body}
    errors: list[FieldError] = []
    for key, table in _NAMED:
        pointer = "/list_id" if key == "list_ids" and "list_id" in body else f"/{key}"
        ids = named.get(key) or []
        missing = _missing(tx, account_id, table, [ids] if isinstance(ids, str) else ids)
        errors += [FieldError(pointer, f"There is no {table.name[:-1]} {id}.") for id in missing]
    if errors:
        raise problem("validation_error", errors[0].detail, errors)
    return {**before, **named}


def _missing(tx: Connection, account_id: UUID, table: Table, ids: Sequence[str]) -> list[str]:
    if not ids:
        return []
    query = select(table.c.id).where(
        table.c.account_id == account_id, table.c.id.in_([UUID(id) for id in ids])
    )
    found = {str(id) for id in tx.execute(query).scalars()}
    return [id for id in ids if id not in found]


def _check_parts(values: Mapping[str, Any]) -> None:
    errors = []
    if not values.get("subject"):
        errors.append(FieldError("/subject", "A campaign needs a subject, its own or a template's."))
    if not (values.get("content_html") or values.get("content_text")):
        errors.append(FieldError("/content_html", "A campaign needs content_html or content_text, or both."))
    if errors:
        raise problem("validation_error", errors[0].detail, errors)
