"""How often something may happen: `100/second, 3000/minute`. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_RATE = re.compile(r"(\d{1,9})\s*/\s*(second|minute|hour|day)")


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `quota` in each window of `unit`."""

    quota: int
    unit: str

    @property
    def seconds(self) -> int:
        """The window's length."""
        return _SECONDS[self.unit]

    def __str__(self) -> str:
        return f"{self.quota}/{self.unit}"


class Rates:
    """One or more rates, all of which hold at once; none where the text is `off`.

    Raises:
        ValueError: the text is neither.
    """

    def __init__(self, text: str) -> None:
        parts = [] if text.strip().lower() == "off" else text.split(",")
        self.all = tuple(_rate(part.strip().lower()) for part in parts)
        if len({rate.unit for rate in self.all}) != len(self.all):
            raise ValueError(f"two rates for one unit: {text}")

    def __str__(self) -> str:
        return ", ".join(map(str, self.all)) or "off"

    def __repr__(self) -> str:
        return f"Rates({str(self)!r})"


def _rate(text: str) -> Rate:
    matched = _RATE.fullmatch(text)
    if matched is None or int(matched[1]) == 0:
        raise ValueError(f"not a rate: {text!r}; write 100/second, 3000/minute, …/hour, …/day, or off")
    return Rate(int(matched[1]), matched[2])
