"""A record that is not where it should be: looked for where people put it by mistake."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from shared.domain_checks.answers import Ask
from shared.domain_checks.findings import MISSING, Judged, wrong


def missing(
    ask: Ask, name: str, kind: str, domain: str, *, elsewhere: Iterable[str], known: Callable[[str], bool]
) -> Judged:
    """What to say of a record that is not at `name`: where it stands instead, if anywhere.

    Args:
        elsewhere: other names at which it may have been put.
        known: whether a value is the record that is missed.
    """
    doubled = f"{name}.{domain}"
    relative = name.removesuffix(domain).rstrip(".") or "@"
    found = [value for value in ask(doubled, kind).values if known(value)]
    if found:
        return wrong(
            MISSING,
            found,
            "zone_appended_twice",
            f"The record is at {doubled}: the DNS provider appended {domain} to a name that had it already.",
            f"Enter only the part before the domain as the host: {relative}",
        )
    for other in elsewhere:
        found = [value for value in ask(other, kind).values if known(value)]
        if found:
            return wrong(
                MISSING,
                found,
                "wrong_host",
                f"The record is at {other}, where nobody looks for it.",
                f"Move it to {name}.",
            )
    return wrong(
        MISSING,
        (),
        "not_found",
        f"There is no {kind} record of this kind at {name}.",
        "Publish it as it is shown. A new record can take some minutes, at some providers hours, to be seen.",
    )
