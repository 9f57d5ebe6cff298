"""The address suite: what is true of each address, what we say of it, and the argument where the two differ.

`python -m tests.unit.gateway.addresses.suite` prints the end of docs/guides/validation.md, made of it.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

#: The heading in the guide under which everything comes from here.
HEADING = "## Where we differ from the standards"

_FILE = json.loads((Path(__file__).parent / "cases.json").read_text())

#: key → (title, argument)
ARGUMENTS: dict[str, tuple[str, str]] = {key: tuple(value) for key, value in _FILE["arguments"].items()}

#: What a public verdict means, as far as it is of syntax; the others name the standard, which `grammar` does.
_PUBLIC = {"valid": True, "dnswarn": True, "err": False}
_ALLOWED_BY = {"mailbox": "RFC 5321", "header": "RFC 5322", "none": "no standard"}

_INTRODUCTION = (
    "The tests judge {total} addresses as the API does, {public} of them those of a public list "
    "(is_email 3.05). On {differing} of them our verdict is not that of the grammar: of RFC 5321 and "
    "6531, for envelopes, or of RFC 5322, for headers. Each is listed here, under the reason why and "
    "with the standard that allows it. Nearly all are refused; what is accepted beyond the standards "
    "says so."
)


@dataclass(frozen=True)
class Case:
    """One address. `grammar`, `public`, `verdict` and `because` are explained at the head of cases.json."""

    address: str
    grammar: str
    verdict: str
    public: str | None = None
    because: str | None = None

    @property
    def accepted(self) -> bool:
        """Whether we accept it."""
        return self.verdict == "accepted"

    @property
    def differs(self) -> bool:
        """Whether our verdict is not the grammar's, or not the public list's."""
        public = _PUBLIC.get(self.public or "", self.accepted)
        return self.accepted != (self.grammar != "none") or self.accepted != public


CASES = tuple(Case(**case) for case in _FILE["cases"])


def section() -> str:
    """The end of the guide: every case that differs, under its argument."""
    differing = [case for case in CASES if case.differs]
    public = sum(case.public is not None for case in CASES)
    lines = [HEADING, ""]
    lines += [_INTRODUCTION.format(total=len(CASES), public=public, differing=len(differing))]
    for key, (title, argument) in ARGUMENTS.items():
        lines += ["", f"### {title}", "", argument, ""]
        lines += [_line(case) for case in differing if case.because == key]
    return "\n".join(lines) + "\n"


def _line(case: Case) -> str:
    beyond = ", accepted" if case.accepted else ""
    return f"- `{_visible(case.address)}` ({_ALLOWED_BY[case.grammar]}{beyond})"


def _visible(address: str) -> str:
    """The address with what can't be seen, or would hide the rest, as its code point."""
    return "".join(
        char if char == " " or (char.isprintable() and char != "\u0301") else f"\\u{ord(char):04x}"
        for char in address
    )


if __name__ == "__main__":
    sys.stdout.write(section())
