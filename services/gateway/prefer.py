"""The `Prefer` header (RFC 7240), as far as we honour it: `wait=N`. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

#: Longest wait, in seconds; who prefers more gets this much.
LONGEST_WAIT = 30

# a comma inside a quoted string does not end a preference
_PREFERENCE = re.compile(r'((?:"(?:[^"\\]|\\.)*"|[^",])+)')
_WAIT = re.compile(r'wait\s*=\s*(?:"(?P<quoted>\d{1,9})"|(?P<bare>\d{1,9}))\s*(?:;.*)?', re.IGNORECASE)


def preferred_wait(values: Sequence[str]) -> int | None:
    """How many seconds the client prefers to wait for the outcome, 1 to `LONGEST_WAIT`; `None`: not at all.

    Of several the first counts. What can't be understood is ignored, as the RFC has it: a preference never
    makes a request fail.
    """
    for value in values:
        for part in _PREFERENCE.findall(value):
            name = re.split(r"[=;]", part, maxsplit=1)[0].strip().lower()
            if name == "wait":
                found = _WAIT.fullmatch(part.strip())
                seconds = int(found["quoted"] or found["bare"]) if found else 0
                return min(seconds, LONGEST_WAIT) or None
    return None
