"""What a key or a person may do: scopes, the roles that are sets of them, and the rule that applies them."""

from __future__ import annotations

from collections.abc import Iterable

#: scope → what it allows, as OpenAPI and the guides say it
SCOPES = {
    "send": "Send email, alone or in batches, at once or later; validate addresses.",
    "read": "Read everything that is no secret: emails, logs, and every other resource.",
    "templates": "Read and change templates.",
    "suppressions": "Read and change the suppression list.",
    "domains": "Read, add, verify and remove sending domains.",
    "credentials": "Read, make, change and remove credentials, of no more scopes than one's own.",
    "contacts": "Read and change lists, contacts, tags and segments.",
    "campaigns": "Read, change and send campaigns.",
    "webhooks": "Read and change webhook endpoints.",
    "admin": "Everything, also users and the audit log.",
}

ALL = frozenset(SCOPES)

#: role of a user → its scopes. Owners alone may make and change owners (services.gateway.users).
ROLE_SCOPES = {
    "owner": ALL,
    "admin": ALL,
    "developer": ALL - {"admin"},
    "viewer": frozenset({"read"}),
}

#: not a scope, but what an operation asks that everybody who has shown who they are may use
ANY = "any"

_READING = ("GET", "HEAD")


def sufficient(scope: str, method: str) -> tuple[str, ...]:
    """The scopes of which one is enough for an operation: its own, `read` for what only reads, and `admin`.

    Args:
        scope: what the operation is about. What is about `admin` takes nothing less, not even to read;
            for what is about `ANY` none is needed.
        method: its HTTP method.
    """
    if scope == ANY:
        return ()
    if scope == "admin":
        return ("admin",)
    return tuple(dict.fromkeys([scope, *(["read"] if method in _READING else []), "admin"]))


def granted(listed: Iterable[str] | None) -> frozenset[str]:
    """The scopes of a credential as stored: `None` stands for all of them, whichever there are."""
    return ALL if listed is None else frozenset(listed)


def exceeds(wanted: frozenset[str], own: frozenset[str]) -> bool:
    """Whether `wanted` allows anything that `own` does not."""
    return "admin" not in own and not wanted <= own
