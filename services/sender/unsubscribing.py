"""What bulk mail says of itself in its headers: whose list it is, and the ways out."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

#: Of bulk mail's own; who sends it can't set these themselves.
_OURS = frozenset({"list-unsubscribe", "list-unsubscribe-post", "list-id", "precedence", "feedback-id"})

Header = tuple[str, str]


def ways(url: str, mailto: str | None = None) -> str:
    """What `List-Unsubscribe` says (RFC 8058 §3.1): a POST to `url`, which must be https for that,
    unsubscribes at once.

    Args:
        mailto: what does the same for whoever writes there (shared.unsubscribe_mail).
    """
    return f"<{url}>" + (f", <mailto:{mailto}>" if mailto else "")


def bulk_headers(
    headers: Iterable[Header],
    unsubscribe: str,
    *,
    domain: str,
    account_id: UUID,
    campaign_id: UUID | None,
) -> list[Header]:
    """`headers` with bulk mail's own in place of any that were there: each occurs once (RFC 8058 §3.1).

    List-Id (RFC 2919) names the account's list at `domain`; Feedback-ID, by which Gmail's Postmaster Tools
    sort complaints, goes from the campaign to the sender, who is the same in all mail of an account.
    """
    sender = account_id.hex[-12:]
    campaign = campaign_id.hex if campaign_id else "none"
    return [
        *(item for item in headers if item[0].lower() not in _OURS),
        ("List-Unsubscribe", unsubscribe),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ("List-Id", f"<{sender}.campaigns.{domain}>"),
        ("Precedence", "bulk"),
        ("Feedback-ID", f"{campaign}:{sender}:campaign:{sender}"),
    ]
