"""A campaign's row as the API shows it."""

from __future__ import annotations

from services.gateway.campaign_preview import warnings
from services.gateway.one_insert import Row
from shared.settings import settings

#: Where campaigns are that everybody may read.
ARCHIVE = "/archive/"

_MANY = ("list_ids", "tag_ids", "exclude_list_ids", "exclude_tag_ids", "exclude_segment_ids")
_ONE = ("segment_id",)


def shown(campaign: Row) -> Row:
    """The row with its audience in fields of their own, where to read it, and what may be amiss with it."""
    audience = campaign["audience"]
    parts = {key: audience.get(key) or [] for key in _MANY} | {key: audience.get(key) for key in _ONE}
    first = parts["list_ids"][0] if parts["list_ids"] else None
    public = settings().public_url.rstrip("/")
    return {
        **campaign,
        **parts,
        "list_id": first,
        "archive_url": f"{public}{ARCHIVE}{campaign['id']}" if campaign["archived_at"] else None,
        "warnings": warnings(campaign),
    }
