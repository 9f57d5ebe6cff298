"""Message headers as bytes: RFC 5322 folding, RFC 2047 encoded words, RFC 6532 where an address needs it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from email.header import Header
from email.utils import formataddr
from functools import lru_cache

_FOLD_AT = 78
_PLACEHOLDER = "a@b"
_BREAKS = re.compile("[\r\n\0]")
#: A word with the spaces before it (and, for the last one, after it): folding never leaves a blank line.
_WORDS = re.compile(r" *[^ ]+(?: +$)?")


#: (display name, address)
Mailbox = tuple[str | None, str]


class HeaderInjection(ValueError):
    """A value would break out of its header line."""


def field(name: str, value: str) -> str:
    """`Name: value`, folded, without the final line end.

    ASCII values are folded only at spaces, so nothing but white space changes; others become encoded words.

    Raises:
        HeaderInjection: `name` or `value` contains CR, LF or NUL.
    """
    refuse_breaks(name + value)
    if value.isascii():
        return _fold(f"{name}: {value}")
    return f"{name}: {_encoded(name, value)}"


def address_field(name: str, mailboxes: Iterable[Mailbox]) -> str:
    """An address header out of (display name, address) pairs, one a line when they do not fit on one."""
    shown = [mailbox(display, address) for display, address in mailboxes]
    line = f"{name}: {', '.join(shown)}"
    return line if len(line) <= _FOLD_AT else f"{name}: " + ",\r\n ".join(shown)


def mailbox(display: str | None, address: str) -> str:
    """`Display name <address>`, the name quoted or encoded as it needs."""
    refuse_breaks(address + (display or ""))
    if not display:
        return address
    return f"{_phrase(display)} <{address}>"


def refuse_breaks(text: str) -> None:
    """Refuses what would end a header's line.

    Raises:
        HeaderInjection: `text` contains CR, LF or NUL.
    """
    if _BREAKS.search(text):
        raise HeaderInjection(f"a header value contains a line break: {text[:60]!r}")


# A campaign's emails share most of these, and to encode one takes longer than all other lines together.


@lru_cache(maxsize=256)
def _encoded(name: str, value: str) -> str:
    """What is outside of ASCII, in encoded words (RFC 2047)."""
    return Header(value, "utf-8", header_name=name, maxlinelen=_FOLD_AT).encode(linesep="\r\n")


@lru_cache(maxsize=256)
def _phrase(display: str) -> str:
    """A display name, quoted or encoded as it needs."""
    if display.isascii():
        return formataddr((display, _PLACEHOLDER)).removesuffix(f" <{_PLACEHOLDER}>")
    return Header(display, "utf-8", maxlinelen=_FOLD_AT - 3).encode(linesep="\r\n")


def _fold(line: str) -> str:
    if len(line) <= _FOLD_AT:
        return line
    name, first, *rest = _WORDS.findall(line)
    lines = [name + first]
    for word in rest:
        if len(lines[-1]) + len(word) > _FOLD_AT:
            lines.append(word)
        else:
            lines[-1] += word
    return "\r\n".join(lines)
