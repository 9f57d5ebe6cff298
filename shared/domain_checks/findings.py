"""What a check says: a state, what was found, what is wrong and how to mend it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

VERIFIED, MISSING, MISMATCH, INCONCLUSIVE = "verified", "missing", "mismatch", "inconclusive"
#: of a record that nobody has looked for yet
UNCHECKED = "unchecked"
RECORD_STATUSES = (UNCHECKED, VERIFIED, MISSING, MISMATCH, INCONCLUSIVE)

#: how much of somebody else's zone is repeated in an answer
_MOST, _LONGEST = 5, 600


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong: `code` for machines, the rest for people."""

    code: str
    detail: str
    fix: str


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of one record."""

    status: str
    found: tuple[str, ...] = ()
    problem: Problem | None = None


def wrong(status: str, found: Iterable[str], code: str, detail: str, fix: str) -> Judged:
    """A record that is not as it should be."""
    return Judged(status, shown(found), Problem(code, detail, fix))


def inconclusive(name: str) -> Judged:
    """A record that the DNS says nothing of."""
    return wrong(
        INCONCLUSIVE,
        (),
        "dns_unavailable",
        f"The DNS does not answer for {name} at the moment.",
        "Try again in a few minutes. If it stays so, look after the domain's name servers.",
    )


def shown(values: Iterable[str]) -> tuple[str, ...]:
    """Values as an answer repeats them: not too many, not too long, without control characters."""
    some = list(values)[:_MOST]
    return tuple("".join(char if char.isprintable() else "?" for char in text[:_LONGEST]) for text in some)
