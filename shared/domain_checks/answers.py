"""What the DNS said, in the little that the checks need; and who asks it on their behalf."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

FOUND, ABSENT, NXDOMAIN, UNKNOWN = "found", "absent", "nxdomain", "unknown"


@dataclass(frozen=True, slots=True)
class Answer:
    """The records of one name and type.

    `values`: TXT with its strings joined (octets as Latin-1), addresses, names without a final dot and in
    lower case; MX in order of preference, `""` for the null MX (RFC 7505). `unknown` is a timeout, a SERVFAIL
    or anything else that says nothing about the domain.
    """

    status: str
    values: tuple[str, ...] = ()

    @property
    def inconclusive(self) -> bool:
        """Whether nothing was learnt."""
        return self.status == UNKNOWN

    @property
    def void(self) -> bool:
        """Whether there are provably no such records (RFC 7208 §4.6.4: a void lookup)."""
        return self.status in (ABSENT, NXDOMAIN)


#: (name, type) → what the DNS says. A name that no question can be made of is an `nxdomain`.
Ask = Callable[[str, str], Answer]
