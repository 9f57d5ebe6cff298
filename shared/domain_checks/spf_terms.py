"""An SPF record → its terms (RFC 7208 §4.6, §5, §6 and the grammar of §12). Refuses what is none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address

_MACRO = r"%\{[slodiphvSLODIPHV](?:[1-9][0-9]*)?[rR]?[.\-+,/_=]*\}|%%|%_|%-"
#: %{c}, %{r} and %{t} are for explanations only (§7.2)
_MACRO_EXP = _MACRO.replace("slodiphvSLODIPHV", "slodiphvcrtSLODIPHVCRT")
_LITERAL = r"[\x21-\x24\x26-\x7e]"
# letters, digits and inner hyphens, not digits alone; written so that no long label can make it backtrack
_TOPLABEL = r"(?=[0-9]*[A-Za-z-])[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_MACRO_STRING = re.compile(rf"(?:{_MACRO_EXP}|{_LITERAL})*")
_DOMAIN_SPEC = re.compile(rf"(?:{_MACRO}|{_LITERAL})*?(?:\.{_TOPLABEL}\.?|(?:{_MACRO}))")
_MODIFIER = re.compile(r"([A-Za-z][A-Za-z0-9\-_.]*)=(.*)", re.DOTALL)
_MECHANISM = re.compile(r"([-+?~]?)([A-Za-z][A-Za-z0-9\-_.]*)((?:[:/].*)?)", re.DOTALL)
_LENGTH = r"(0|[1-9][0-9]{0,2})"
_DUAL_CIDR = re.compile(rf"(.*?)(?:/{_LENGTH})?(?://{_LENGTH})?", re.DOTALL)
_IP_CIDR = re.compile(rf"([^/]+)(?:/{_LENGTH})?")

RESULTS = {"": "pass", "+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}


class SpfSyntaxError(ValueError):
    """Not an SPF record; the text says which term is wrong."""


@dataclass(frozen=True, slots=True)
class Mechanism:
    """One directive. `target`: the address of ip4 and ip6, else a domain-spec; empty: the domain itself."""

    text: str
    result: str
    name: str
    target: str = ""
    cidr4: int = 32
    cidr6: int = 128


@dataclass(frozen=True, slots=True)
class Record:
    """The directives in order, and where to go on if none matches."""

    mechanisms: tuple[Mechanism, ...]
    redirect: str | None = None


def is_spf(text: str) -> bool:
    """Whether a TXT record is an SPF record at all (§4.5)."""
    return text[:6].lower() == "v=spf1" and text[6:7] in ("", " ")


def parse_spf(text: str) -> Record:
    """The terms of a record for which `is_spf`.

    Raises:
        SpfSyntaxError: any term is wrong, also one that would never be reached (§4.6).
    """
    mechanisms: list[Mechanism] = []
    modifiers: dict[str, str] = {}
    for term in filter(None, text[6:].split(" ")):
        modifier = _MODIFIER.fullmatch(term)
        if modifier is None:
            mechanisms.append(_mechanism(term))
            continue
        name, value = modifier[1].lower(), modifier[2]
        if name in ("redirect", "exp"):
            if name in modifiers:
                raise SpfSyntaxError(f"{name}= is there twice")
            modifiers[name] = _domain_spec(term, value)
        elif _MACRO_STRING.fullmatch(value) is None:
            raise SpfSyntaxError(f"{_shown(term)} is not a modifier")
    return Record(tuple(mechanisms), modifiers.get("redirect"))


def _mechanism(term: str) -> Mechanism:
    matched = _MECHANISM.fullmatch(term)
    if matched is None:
        raise SpfSyntaxError(f"{_shown(term)} is no mechanism")
    name, rest = matched[2].lower(), matched[3]
    result = RESULTS[matched[1]]
    if name == "all" and not rest:
        return Mechanism(term, result, name)
    if name in ("include", "exists") and rest.startswith(":"):
        return Mechanism(term, result, name, _domain_spec(term, rest[1:]))
    if name == "ptr" and rest[:1] in ("", ":"):
        return Mechanism(term, result, name, _domain_spec(term, rest[1:]) if rest else "")
    if name in ("a", "mx"):
        return _host(term, result, name, rest)
    if name in ("ip4", "ip6") and rest.startswith(":"):
        return _network(term, result, name, rest[1:])
    raise SpfSyntaxError(f"{_shown(term)} is no mechanism")


def _host(term: str, result: str, name: str, rest: str) -> Mechanism:
    matched = _DUAL_CIDR.fullmatch(rest)
    assert matched, "its every part is optional"
    target, cidr4, cidr6 = matched[1], int(matched[2] or 32), int(matched[3] or 128)
    if (target and not target.startswith(":")) or cidr4 > 32 or cidr6 > 128:
        raise SpfSyntaxError(f"{_shown(term)} is no mechanism")
    return Mechanism(term, result, name, _domain_spec(term, target[1:]) if target else "", cidr4, cidr6)


def _network(term: str, result: str, name: str, rest: str) -> Mechanism:
    matched = _IP_CIDR.fullmatch(rest)
    longest = 32 if name == "ip4" else 128
    try:
        if matched is None or "%" in matched[1]:
            raise SpfSyntaxError(f"{_shown(term)} names no network")
        address = IPv4Address(matched[1]) if name == "ip4" else IPv6Address(matched[1])
        length = int(matched[2] or longest)
    except AddressValueError:
        raise SpfSyntaxError(f"{_shown(term)} names no network") from None
    if length > longest:
        raise SpfSyntaxError(f"{_shown(term)} names no network")
    return Mechanism(term, result, name, str(address), length, length)


def _domain_spec(term: str, text: str) -> str:
    if _DOMAIN_SPEC.fullmatch(text) is None:
        raise SpfSyntaxError(f"{_shown(term)} names no domain")
    return text


def _shown(term: str) -> str:
    return repr(term if len(term) <= 80 else term[:77] + "...")
