"""The macros of an SPF record, filled in (RFC 7208 §7). Who asks looks up %{p}."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import quote

_MACRO = re.compile(
    r"%(?:\{(?P<letter>[A-Za-z])(?P<keep>\d*)(?P<back>[rR]?)(?P<split>[.\-+,/_=]*)\}|(?P<sign>[%_-]))"
)
_SIGNS = {"%": "%", "_": " ", "-": "%20"}
_LONGEST = 253
#: Digits of a count of labels that are read: a name has no more than 127.
_DIGITS = 6


@dataclass(frozen=True)
class Mail:
    """The SMTP session that is judged: who connects, what it calls itself, who the sender is."""

    ip: IPv4Address | IPv6Address
    sender: str
    helo: str

    @property
    def local(self) -> str:
        """The sender's local part; `postmaster` where it has none (§4.3)."""
        return self.sender.rpartition("@")[0] or "postmaster"

    @property
    def domain(self) -> str:
        """The sender's domain."""
        return self.sender.rpartition("@")[2]


def expand(spec: str, mail: Mail, domain: str, validated: Callable[[], str]) -> str:
    """`spec` as a domain name: no longer than a name may be, cut from the left where it is (§7.3).

    Args:
        domain: the one whose record this is.
        validated: %{p}.
    """

    def fill(matched: re.Match[str]) -> str:
        if matched["sign"]:
            return _SIGNS[matched["sign"]]
        value = _value(matched["letter"].lower(), mail, domain, validated)
        value = _transformed(value, matched["split"] or ".", bool(matched["back"]), matched["keep"])
        return quote(value, safe="-._~") if matched["letter"].isupper() else value

    name = _MACRO.sub(fill, spec).removesuffix(".")
    if len(name) > _LONGEST:
        name = name[name.find(".", len(name) - _LONGEST - 1) + 1 :]
    return name


def _value(letter: str, mail: Mail, domain: str, validated: Callable[[], str]) -> str:
    six = isinstance(mail.ip, IPv6Address)
    values: dict[str, Callable[[], str]] = {
        "s": lambda: f"{mail.local}@{mail.domain}",
        "l": lambda: mail.local,
        "o": lambda: mail.domain,
        "d": lambda: domain,
        "i": lambda: ".".join(mail.ip.exploded.replace(":", "")) if six else str(mail.ip),
        "p": validated,
        "v": lambda: "ip6" if six else "in-addr",
        "h": lambda: mail.helo,
    }
    return values[letter]()


def _transformed(value: str, delimiters: str, back: bool, keep: str) -> str:
    parts = re.split(f"[{re.escape(delimiters)}]", value)
    if back:
        parts.reverse()
    return ".".join(parts[-int(keep[:_DIGITS]) :] if keep else parts)
