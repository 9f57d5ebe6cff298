"""The states of a campaign, and which deeds each allows. Pure.

draft → scheduled → sending ⇄ paused → sent | cancelled | failed
"""

from __future__ import annotations

DRAFT = "draft"
SCHEDULED = "scheduled"
SENDING = "sending"
PAUSED = "paused"
SENT = "sent"
CANCELLED = "cancelled"
FAILED = "failed"

STATUSES = (DRAFT, SCHEDULED, SENDING, PAUSED, SENT, CANCELLED, FAILED)
FINAL = (SENT, CANCELLED, FAILED)

#: deed → the states that allow it
ALLOWED = {
    "changed": (DRAFT, SCHEDULED),
    "sent": (DRAFT, SCHEDULED),
    "scheduled": (DRAFT, SCHEDULED),
    "paused": (SENDING,),
    "resumed": (PAUSED,),
    "cancelled": (SCHEDULED, SENDING, PAUSED),
    "published": (SENDING, PAUSED, SENT, CANCELLED),
    # what is being sent must come to an end first: its emails refer to it
    "deleted": (DRAFT, SCHEDULED, SENT, CANCELLED, FAILED),
}


def refusal(deed: str, status: str) -> str | None:
    """Why a campaign in `status` can't be `deed`, for a person; `None` if it can."""
    allowed = ALLOWED[deed]
    if status in allowed:
        return None
    when = allowed[0] if len(allowed) == 1 else f"{', '.join(allowed[:-1])} or {allowed[-1]}"
    return f"The campaign is {status}; it can be {deed} only while it is {when}."
