"""What refusals say in words, where their codes say nothing: phrases by reason. Pure."""

from __future__ import annotations

import re

_MAILBOX = r"mail[- ]?box"
_SOMEBODY = rf"(user|recipient|rcpt|{_MAILBOX}|account|address|customer|person)"
_MISSING = r"(unknown|not found|not known|does ?n[o']t exist|not exist|not listed|undeliverable|invalid)"

#: Most telling first: the first reason that has a phrase in the text is it.
_PHRASES: dict[str, tuple[str, ...]] = {
    "greylisted": (
        r"gr[ea]y-?list",
        r"try again (later|in \d+)[^.]*\bgrey",
        r"postgrey",
    ),
    "authentication": (
        r"\b(dmarc|dkim|spf)\b",
        r"not authenticated",
        r"unauthenticated",
        r"authentication (is )?required to",
    ),
    "reputation": (
        r"\b(rbl|dnsbl|blocklist|block list|blacklist|black list)",
        r"\b(spamhaus|barracuda|spamcop|sorbs|senderbase|proofpoint)",
        r"reputation",
        r"(?<!not )listed (at|by|in|on) ",
        r"poor sending",
        r"blocked using",
        r"your (ip|host|server|network)\b",
    ),
    "mailbox_full": (
        r"(mailbox|quota|inbox|storage|disk)[^.]{0,40}(full|exceed|over|exhaust)",
        r"over ?quota",
        r"out of (storage|space)",
        r"full mailbox",
        r"insufficient (system )?storage",
    ),
    "content": (r"\b(spam|virus|malware|phish|junk|unsolicited|bulk mail|banned|attachment)",),
    "too_large": (
        r"(message|mail|size)[^.]{0,30}(too (large|big|long)|exceed)",
        r"size limit",
    ),
    "rate_limited": (
        r"too many",
        r"rate limit",
        r"throttl",
        r"too (fast|much|frequent)",
        r"slow down",
        r"limit exceeded",
    ),
    "inactive_mailbox": (
        r"(account|mailbox|user|recipient)[^.]{0,40}(disabled|inactive|suspended|deactivated|locked|expired)",
        rf"\b(disabled|inactive|suspended|deactivated) {_SOMEBODY}",
        r"no longer (active|valid|available|accept|employed|works)",
        r"discontinued",
    ),
    "relay_denied": (
        r"relay(ing)? (access )?(denied|not permitted|prohibited|not allowed)",
        r"not permitted to relay",
        r"allowed rcpthosts",
        r"as a relay",
        r"unable to relay",
        r"we do not relay",
    ),
    "sender_rejected": (
        r"sender[^.]{0,30}(reject|denied|invalid|not allowed|verify failed)",
        r"mail from[^.]{0,20}reject",
    ),
    "unknown_user": (
        rf"{_SOMEBODY}( name)?( is| was)? ?{_MISSING}",
        rf"(unknown|invalid|no such|non-?existent|bad destination) {_SOMEBODY}",
        r"no (mailbox|account)( here)? (by|with) that (name|address)",
        rf"no {_MAILBOX} (found|available)",
        r"no such (user|person|mailbox)",
        rf"{_SOMEBODY}( \S+@\S+)? (does not|doesn'?t) exist",
        r"doesn'?t have an? [\w.-]+ account",
        r"unrouteable address",
        r"not our customer",
        r"is not an? (known|valid|active) (user|mailbox|address)",
        r"bad[ _]recipient",
        r"not listed in [\w ]*directory",
        r"unknown (to|in) [\w ]*(address book|directory)",
        r"addressee unknown",
        r"unknown local[- ]part",
    ),
    "bad_domain": (
        r"(host|domain)( name)?( or domain name)?( is)? (not found|unknown|does not exist|not exist)",
        r"(unknown|no such) (host|domain)",
        r"name or service not known",
        r"no mx",
        r"null mx",
        r"does not accept mail",
        r"domain of .* does not",
        r"name service error",
        r"nxdomain",
        r"host or domain name not found",
    ),
    "tls": (
        r"\btls\b",
        r"starttls",
        r"certificate",
    ),
    "expired": (
        r"(retry|queue|delivery)[^.]{0,25}(time ?out|timed out|expired|exceeded|lifetime)",
        r"could not be delivered (for|within)",
        r"retry timeout",
    ),
    "no_answer": (
        r"timed? ?out",
        r"connection (refused|reset|lost|dropped)",
        r"no route",
        r"unreachable",
        r"lost connection",
        r"could ?n[o']t connect",
    ),
    "routing": (
        r"loop",
        r"hop count",
        r"too many hops",
    ),
    "policy": (
        r"policy",
        r"not allowed",
        r"access denied",
        r"denied",
        r"administrative(ly)? prohibit",
        r"refused",
        r"prohibited",
        r"security",
    ),
    "system": (
        r"local error",
        r"temporar",
        r"try again",
        r"service (not |un)available",
        r"resources",
        r"internal error",
        r"configuration",
    ),
}

_PATTERNS = tuple(
    (reason, re.compile("|".join(phrases), re.IGNORECASE)) for reason, phrases in _PHRASES.items()
)


def reason_in(text: str) -> str | None:
    """The reason (`shared.bounces.REASONS`) that the words of `text` give, if they give one."""
    return next((reason for reason, pattern in _PATTERNS if pattern.search(text)), None)
