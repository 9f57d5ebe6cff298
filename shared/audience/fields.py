"""What rules may ask of a contact: each field with its kind, and each kind with its operators. Pure.

Every negative operator is the exact opposite of its positive one: somebody without a first name is among
those whose first name does `not_equal` Ada.
"""

from __future__ import annotations

from collections.abc import Sequence

#: negative operator → what it is the opposite of
NEGATED = {
    "not_equals": "equals",
    "not_contains": "contains",
    "not_in": "in",
    "not_exists": "exists",
    "not_within_days": "within_days",
}

_PRESENCE = ("exists", "not_exists")
_SAME = ("equals", "not_equals", "in", "not_in")
_TEXT = (*_SAME, "contains", "not_contains", "starts_with", "ends_with")
_DATE = ("before", "after", "within_days", "not_within_days")
_NUMBER = ("gt", "gte", "lt", "lte")

#: kind → its operators
OPERATORS: dict[str, tuple[str, ...]] = {
    "text": (*_TEXT, *_PRESENCE),
    "metadata": (*_TEXT, *_NUMBER, *_DATE, *_PRESENCE),
    "date": (*_DATE, *_PRESENCE),
    "reason": (*_SAME, *_PRESENCE),
    "tag": (*_SAME, *_PRESENCE),
    "list": (*_SAME, *_PRESENCE),
    "campaign": (*_SAME, *_PRESENCE),
}

#: field → its kind; besides, `metadata.<key>` and deeper
FIELDS: dict[str, str] = {
    "email": "text",
    "first_name": "text",
    "last_name": "text",
    "created_at": "date",
    "updated_at": "date",
    "last_activity_at": "date",
    "suppression": "reason",
    "tag": "tag",
    # subscribed to it, unsubscribed from it, or yet to confirm
    "list": "list",
    "unsubscribed_list": "list",
    "unconfirmed_list": "list",
    # the campaign was sent to them; they opened or clicked it themselves, no machine
    "received": "campaign",
    "opened": "campaign",
    "clicked": "campaign",
}

METADATA = "metadata."


def kind_of(field: str) -> str | None:
    """The kind of a field; None: there is none of this name."""
    if field.startswith(METADATA):
        return "metadata" if all(path_of(field)) else None
    return FIELDS.get(field)


def path_of(field: str) -> Sequence[str]:
    """The keys that lead to a field of the metadata."""
    return field.removeprefix(METADATA).split(".")
