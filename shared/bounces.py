"""What a refusal means: hard, soft or block, and a short reason out of a fixed vocabulary. Pure.

The enhanced status code decides (RFC 3463 and IANA's registry of its codes); where there is none, or one
that says nothing (x.0.0), the words of the reply do. Only `hard` says that the mailbox does not exist;
whatever may be the sender's or the operator's own fault is `block`, and must never cost an address its place.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from shared.bounce_words import reason_in

#: hard: no such mailbox · soft: there is one, and it may work another day · block: not from us, or not this
HARD, SOFT, BLOCK = "hard", "soft", "block"

#: reason → class. The fixed vocabulary of the API, the events and the metrics.
REASONS = {
    "unknown_user": HARD,
    "bad_address": HARD,
    "bad_domain": HARD,
    "moved": HARD,
    "inactive_mailbox": HARD,
    "mailbox_full": SOFT,
    "mailbox_unavailable": SOFT,
    "rate_limited": SOFT,
    "greylisted": SOFT,
    "no_answer": SOFT,
    "routing": SOFT,
    "system": SOFT,
    "expired": SOFT,
    "other": SOFT,
    "too_large": BLOCK,
    "policy": BLOCK,
    "reputation": BLOCK,
    "authentication": BLOCK,
    "content": BLOCK,
    "sender_rejected": BLOCK,
    "relay_denied": BLOCK,
    "tls": BLOCK,
    "protocol": BLOCK,
}

#: No such mailbox, no such system, bad syntax, moved, null MX (RFC 7505), mailbox disabled.
NO_SUCH_MAILBOX = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"})

#: RFC 3463 §2 class.subject.detail, wherever it stands by itself in a reply.
_ENHANCED = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.]*\d)")
_BASIC = re.compile(r"(?<![\d.])([245]\d\d)(?=[\s-])")

#: subject.detail → reason
_BY_CODE = {
    "1.1": "unknown_user",
    "1.2": "bad_domain",
    "1.3": "bad_address",
    "1.4": "bad_address",
    "1.6": "moved",
    "1.7": "sender_rejected",
    "1.8": "sender_rejected",
    "1.10": "bad_domain",
    "2.1": "inactive_mailbox",
    "2.2": "mailbox_full",
    "2.3": "too_large",
    "3.1": "mailbox_full",
    "3.4": "too_large",
    "4.1": "no_answer",
    "4.2": "no_answer",
    "4.3": "routing",
    "4.4": "routing",
    "4.5": "rate_limited",
    "4.6": "routing",
    "4.7": "expired",
    "5.3": "rate_limited",
    "7.10": "tls",
    "7.20": "authentication",
    "7.21": "authentication",
    "7.22": "authentication",
    "7.23": "authentication",
    "7.24": "authentication",
    "7.25": "reputation",
    "7.26": "authentication",
    "7.27": "sender_rejected",
    "7.28": "rate_limited",
    "7.29": "tls",
    "7.30": "authentication",
    "7.31": "authentication",
    "7.32": "authentication",
    "7.515": "authentication",
}
#: what x.7.x may mean besides a block: servers put their every refusal there
_NOT_BLOCKED = ("greylisted", "rate_limited", "mailbox_full", "unknown_user")
#: what 5.1.x may mean besides a wrong address: servers answer 5.1.1 and 5.1.0 for their own blocks, too
_NOT_ADDRESS = ("reputation", "authentication", "relay_denied", "too_large", "mailbox_full")
#: subject → reason, where the detail says no more
_BY_SUBJECT = {"2": "mailbox_unavailable", "3": "system", "4": "no_answer", "5": "protocol", "6": "content"}


@dataclass(frozen=True)
class Judgement:
    """What a refusal means: `kind` is hard, soft or block; `reason` one of `REASONS`."""

    kind: str
    reason: str


def classify(text: str, *, enhanced: str | None = None, code: int | None = None) -> Judgement:
    """What a permanent refusal, or one that is being retried, means.

    Args:
        text: the reply or the diagnostic code as it came, with or without its codes.
        enhanced: the status of its own (`5.1.1`), where something other than the text gives one.
        code: the SMTP reply code, likewise.
    """
    given = _split(enhanced)
    # x.0.0 says nothing: where the server's own words have a code, that is it
    status = _split(enhanced_of(text)) or given if given is None or given[1:] == ("0", "0") else given
    by_words = reason_in(text)
    reason = _reason(status, by_words) if status else by_words
    if reason is None:
        basic = code or basic_of(text)
        reason = "mailbox_full" if basic in (452, 552) else "other"
    kind = REASONS[reason]
    if kind == HARD and status and status[0] == "4":
        kind = SOFT  # not for good, whatever it is about
    return Judgement(kind, reason)


def enhanced_of(text: str) -> str | None:
    """The first enhanced status code in `text` that says that something failed."""
    for match in _ENHANCED.finditer(text):
        if match[1] != "2":
            return match[0]
    return None


def basic_of(text: str) -> int | None:
    """The first reply code in `text`."""
    found = _BASIC.search(text)
    return int(found[1]) if found else None


def _split(enhanced: str | None) -> tuple[str, str, str] | None:
    parts = (enhanced or "").split(".")
    return (parts[0], parts[1], parts[2]) if len(parts) == 3 else None


def _reason(status: tuple[str, str, str], by_words: str | None) -> str | None:
    """By the code, unless it says nothing; policy (x.7.x) is made more exact by the words."""
    _, subject, detail = status
    exact = _BY_CODE.get(f"{subject}.{detail}")
    if subject == "1" and exact and REASONS[exact] == HARD:
        return by_words if by_words in _NOT_ADDRESS else exact
    if exact == "routing" and by_words == "bad_domain":
        return by_words  # 5.4.4: the DNS says that there is no such name
    if exact:
        return exact
    if subject == "7":
        known = by_words is not None and (REASONS[by_words] == BLOCK or by_words in _NOT_BLOCKED)
        return by_words if known else "policy"
    return by_words or _BY_SUBJECT.get(subject)
