"""What a campaign would say to one contact, and what may be amiss with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select

from services.gateway.errors import problem
from services.gateway.one_insert import Row
from services.gateway.personal import filled
from shared.campaigns import complete_content
from shared.errors import FieldError
from shared.footer import has_way_out
from shared.models import contacts
from shared.templates import parse, with_full_name

#: Gmail shows no more of an HTML part than this (bytes) and hides the rest, footer and pixel included.
GMAIL_CLIPS = 102 * 1024
#: Where the unsubscribe link leads in what nobody was sent.
_NOWHERE = "#unsubscribe"


def values_for(tx: Connection, account_id: UUID, body: Mapping[str, Any]) -> Row:
    """What fills a preview: the fields of the contact that `body` names, or its variables.

    Raises:
        ApiError: 422; there is no such contact.
    """
    values = body.get("variables", {})
    if "contact_id" in body:
        query = select(contacts).where(
            contacts.c.account_id == account_id, contacts.c.id == body["contact_id"]
        )
        row = tx.execute(query).mappings().one_or_none()
        if row is None:
            unknown = FieldError("/contact_id", "There is no contact with this id.")
            raise problem("validation_error", unknown.detail, [unknown])
        values = {key: row[key] for key in ("email", "first_name", "last_name", "metadata")}
    return {"unsubscribe_url": _NOWHERE, **with_full_name(values)}


def rendered(tx: Connection, campaign: Row, values: Row) -> Row:
    """Subject, from_name, html and text for `values`, footer included.

    Raises:
        ApiError: 413; the values blow it up.
    """
    said = complete_content(tx, campaign)
    name = campaign["from_name"]
    return {
        "subject": parse(said["subject"] or "").render_line(values),
        "from_name": parse(name).render_line(values) or None if name else None,
        "html": filled(said["html"], values, html=True, field="content_html"),
        "text": filled(said["text"], values, html=False, field="content_text"),
        "warnings": warnings(campaign),
    }


def warnings(campaign: Row) -> list[Row]:
    """What its sender should know before it goes out."""
    found = []
    html, plain = campaign["content_html"], campaign["content_text"]
    size = len((html or "").encode())
    if size > GMAIL_CLIPS:
        detail = f"Gmail cuts off HTML of more than 102 kB; this has {-(-size // 1024)} kB."
        found.append({"code": "html_too_large", "detail": detail})
    if "\ufffd" in (html or "") + (plain or ""):
        detail = "The content holds the sign for undecodable characters: it was not UTF-8 once."
        found.append({"code": "undecodable_characters", "detail": detail})
    if not has_way_out(html or plain or ""):
        detail = "The content has no {{unsubscribe_url}}: a link is added at its end."
        found.append({"code": "unsubscribe_link_added", "detail": detail})
    return found
