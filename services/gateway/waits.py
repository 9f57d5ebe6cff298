"""Why an email waits: in a code, in words, and until when. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared import campaign_states, states
from shared.clock import iso

#: code → what it means
CODES = {
    "scheduled": "It is sent at its send_at.",
    "queued": "It is the next in turn; a sender takes it up as soon as one is free.",
    "sending": "A sender is handing it to the relay.",
    "reply_lost": "The connection broke before the relay's last reply; it is found out what became of it.",
    "retry": "It was put off by the relay, or by the recipient's server, and is tried again.",
    "relay_down": "No relay of this install could be reached; it is tried again.",
    "campaign_paused": "Its campaign is paused.",
    "campaign_cancelled": "Its campaign was cancelled; it is about to be, too.",
}

_OF_STATUS = {
    states.SCHEDULED: "scheduled",
    states.QUEUED: "queued",
    states.SENDING: "sending",
    states.UNKNOWN: "reply_lost",
    states.DEFERRED: "retry",
}
_OF_CAMPAIGN = {
    campaign_states.PAUSED: "campaign_paused",
    campaign_states.CANCELLED: "campaign_cancelled",
}
#: What has a time: the others wait for somebody, not for something.
_TIMED = ("scheduled", "reply_lost", "retry", "relay_down")


def waiting_for(
    email: Mapping[Any, Any], campaign_status: str | None, *, relayed: bool
) -> dict[str, Any] | None:
    """What an email (its row) waits for; None: it does not.

    Args:
        campaign_status: of its campaign; None: it is of none.
        relayed: whether a relay was reached for any recipient whose mail is deferred.
    """
    code = _OF_STATUS.get(email["status"])
    if code is None:
        return None
    if code != "sending":
        code = _OF_CAMPAIGN.get(campaign_status or "", code)
    if code == "retry" and not relayed:
        code = "relay_down"
    until = email["due_at"] if code in _TIMED else None
    return {"code": code, "detail": _words(code, email, until and iso(until)), "until": until}


def _words(code: str, email: Mapping[Any, Any], until: str | None) -> str:
    words = CODES[code]
    if until:
        words = (
            f"{words.removesuffix('.')}: at {until}." if code == "scheduled" else f"{words} Until {until}."
        )
    if code in ("retry", "relay_down") and email["last_error"]:
        words += f" It was told: {email['last_error']}"
    return words
