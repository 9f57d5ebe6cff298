"""The DMARC policy that covers a domain (RFC 9989; records for RFC 7489 stay valid).

It is found by walking up the tree (RFC 9989 §4.10), at most eight questions, so no list of public suffixes is
needed. `pct`, `rf` and `ri` are gone from the standard and ignored here.
"""

from __future__ import annotations

from dataclasses import dataclass

from shared.domain_checks.answers import Ask
from shared.domain_checks.dkim import tags_of
from shared.domain_checks.findings import INCONCLUSIVE, MISMATCH, VERIFIED, Judged, inconclusive, shown, wrong
from shared.domain_checks.misplaced import missing
from shared.domain_checks.records import Expected

POLICIES = ("none", "quarantine", "reject")
_MOST_LABELS = 8


@dataclass(frozen=True)
class Policy:
    """A valid record: where it stands, what it asks for (`p`, or `sp` for those below), who gets reports.

    `psd` (y, n, or u for unknown): whether its domain is a public suffix.
    """

    name: str
    text: str
    policy: str
    testing: bool
    reports: bool
    psd: str = "u"


#: A record judged, and its policy if it is valid.
Told = tuple[Judged, Policy | None]


def is_dmarc(text: str) -> bool:
    """Whether a TXT record is a DMARC record: it begins with the version (§4.7)."""
    first = text.partition(";")[0]
    return "".join(first.split()) == "v=DMARC1"


def judge_dmarc(ask: Ask, wanted: Expected) -> Told:
    """The record that covers the domain, its own or one further up, and what is wrong where none does."""
    told = _at(ask, wanted.domain) or _above(ask, wanted.domain)
    if told is not None:
        return told
    places = (wanted.domain, f"dmarc.{wanted.domain}")
    return missing(ask, wanted.name, "TXT", wanted.domain, elsewhere=places, known=is_dmarc), None


def _above(ask: Ask, domain: str) -> Told | None:
    """The record of the organizational domain: of those further up the one nearest to the root (§4.10.2).

    `psd=n` says that it is this one, `psd=y` that it is the one just below.
    """
    found: Told | None = None
    last: Policy | None = None
    for parent in _parents(domain):
        told = _at(ask, parent, below=True)
        if told and told[0].status == INCONCLUSIVE:
            return found or told
        policy = told[1] if told else None
        just_below, last = last, policy
        if told and (found is None or policy) and not (policy and policy.psd == "y" and just_below):
            found = told
        if policy and policy.psd in ("y", "n"):
            break
    return found


def _parents(domain: str) -> list[str]:
    """The names to ask above the domain (§4.10): of a long one only its last seven labels."""
    labels = domain.split(".")
    start = 1 if len(labels) < _MOST_LABELS else len(labels) - _MOST_LABELS + 1
    return [".".join(labels[at:]) for at in range(start, len(labels))]


def _at(ask: Ask, domain: str, *, below: bool = False) -> Told | None:
    """What is at one domain; None: nothing. `below`: it is to cover a domain further down."""
    name = f"_dmarc.{domain}"
    answer = ask(name, "TXT")
    if answer.inconclusive:
        return inconclusive(name), None
    found = [text for text in answer.values if is_dmarc(text)]
    if len(found) > 1:
        return _several(name, found), None
    if found:
        return _judge(name, found[0], below=below)
    looks_like = [text for text in answer.values if "dmarc1" in text.lower()]
    if looks_like:
        return _malformed(name, looks_like[0], "It has to begin with v=DMARC1, without quotes."), None
    return None


def _judge(name: str, text: str, *, below: bool) -> Told:
    tags = tags_of(text)
    if tags is None:
        return _malformed(name, text, "Tags are name=value, separated by semicolons, each once."), None
    reports = "mailto:" in tags.get("rua", "").lower()
    policy = tags.get("p", "none" if reports else "").lower()
    if below:
        policy = tags.get("sp", policy).lower()
    if policy not in POLICIES:
        return _malformed(name, text, "It needs p=none, p=quarantine or p=reject."), None
    testing = tags.get("t", "n").lower() == "y"
    return Judged(VERIFIED, shown([text])), Policy(
        name, text, policy, testing, reports, tags.get("psd", "u").lower()
    )


def _malformed(name: str, text: str, fix: str) -> Judged:
    return wrong(MISMATCH, [text], "malformed", f"The record at {name} is no valid DMARC record.", fix)


def _several(name: str, found: list[str]) -> Judged:
    detail = f"There are {len(found)} DMARC records at {name}; receivers ignore them all."
    return wrong(MISMATCH, found, "several_records", detail, "Keep one.")
