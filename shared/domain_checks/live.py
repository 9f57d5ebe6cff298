"""The DNS as it is, for the checks: every question asked once, all of them under one deadline."""

from __future__ import annotations

import time
from collections.abc import Callable

import dns.exception
import dns.name
import dns.rdatatype
import dns.resolver

from shared.dns import ask, resolver
from shared.domain_checks.answers import ABSENT, FOUND, NXDOMAIN, UNKNOWN, Answer, Ask


def live(seconds: float) -> Ask:
    """Asks the resolvers of the settings; what has no answer within `seconds` from now is unknown."""
    deadline = time.monotonic() + seconds
    known: dict[tuple[str, str], Answer] = {}

    def ask(name: str, kind: str) -> Answer:
        key = (name.lower(), kind)
        if key not in known:  # threads may race here, and one asks twice
            known[key] = _ask(name, kind, deadline)
        return known[key]

    return ask


def _ask(name: str, kind: str, deadline: float) -> Answer:
    try:
        question = dns.name.from_text(name.encode("ascii", "replace").decode())
    except dns.exception.DNSException:  # an empty or a long label: nothing can have this name
        return Answer(NXDOMAIN)
    try:
        asked = resolver()
        left = min(asked.lifetime, deadline - time.monotonic())
        if left <= 0:
            return Answer(UNKNOWN)
        answer = ask(asked, question, kind, left)
    except dns.resolver.NXDOMAIN:
        return Answer(NXDOMAIN)
    except dns.resolver.NoAnswer:
        return Answer(ABSENT)
    except (dns.exception.DNSException, OSError):
        return Answer(UNKNOWN)
    return Answer(FOUND, tuple(_TEXT[kind](item) for item in sorted(answer, key=_order)))


def _order(item: dns.resolver.Answer) -> int:
    return getattr(item, "preference", 0)


def _host(name: dns.name.Name) -> str:
    return str(name).rstrip(".").lower()


_TEXT: dict[str, Callable[..., str]] = {
    "TXT": lambda item: b"".join(item.strings).decode("latin-1"),
    "A": lambda item: str(item.address),
    "AAAA": lambda item: str(item.address),
    "CNAME": lambda item: _host(item.target),
    "PTR": lambda item: _host(item.target),
    "MX": lambda item: _host(item.exchange),
}
