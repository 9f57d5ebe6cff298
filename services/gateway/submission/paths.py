"""MAIL FROM:<…> and RCPT TO:<…> with their parameters (RFC 5321 §4.1.2, §4.1.1.11). Pure.

Strict where clients are: the path stands in angle brackets, parameters are known and given once. A source
route is left out, as RFC 5321 §4.1.1.3 has it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from services.gateway.submission.replies import Refused

_PATH = re.compile(
    r"(?P<word>FROM|TO): ?<(?P<path>[^<>\s]*|\"[^\"<>]*\"@[^<>\s]*)>(?P<rest>( .*)?)", re.IGNORECASE
)
_ROUTE = re.compile(r"@[^:,]+(,@[^:,]+)*:")
_PARAMETER = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9-]*)(=(?P<value>[!-<>-~]+))?")
_SIZE = re.compile(r"[0-9]{1,20}")


@dataclass(frozen=True)
class Path:
    """The address of a command, as it was given, and what MAIL said of the message."""

    address: str
    size: int = 0
    utf8: bool = False


def mail(argument: str) -> Path:
    """What follows MAIL.

    Raises:
        Refused: see above.
    """
    address, given = _parse(argument, "FROM")
    size = given.pop("SIZE", "0")
    body = given.pop("BODY", "7BIT").upper()
    utf8 = given.pop("SMTPUTF8", None)
    given.pop("AUTH", None)  # RFC 4954 §5: we trust nobody to say who somebody else is
    if given:
        raise Refused(f"555 5.5.4 MAIL has no parameter {next(iter(given))} here")
    if not _SIZE.fullmatch(size):
        raise Refused("501 5.5.4 SIZE is a number of octets")
    if body not in ("7BIT", "8BITMIME"):
        raise Refused("501 5.5.4 BODY is 7BIT or 8BITMIME")
    if utf8:
        raise Refused("501 5.5.4 SMTPUTF8 takes no value")
    if not address.isascii() and utf8 is None:
        raise Refused("553 5.6.7 An address that is not ASCII needs SMTPUTF8")
    return Path(address, int(size), utf8 is not None)


def rcpt(argument: str, *, utf8: bool) -> Path:
    """What follows RCPT; `utf8`: whether MAIL said SMTPUTF8.

    Raises:
        Refused: see above.
    """
    address, given = _parse(argument, "TO")
    if given:
        raise Refused(f"555 5.5.4 RCPT has no parameter {next(iter(given))} here")
    if not address:
        raise Refused("501 5.1.3 RCPT needs an address")
    if not address.isascii() and not utf8:
        raise Refused("553 5.6.7 An address that is not ASCII needs SMTPUTF8 at MAIL")
    return Path(address)


def _parse(argument: str, word: str) -> tuple[str, dict[str, str]]:
    found = _PATH.fullmatch(argument)
    if not found or found["word"].upper() != word:
        verb = "MAIL FROM" if word == "FROM" else "RCPT TO"
        raise Refused(f"501 5.5.4 Syntax: {verb}:<address>")
    given: dict[str, str] = {}
    for item in found["rest"].split():
        parameter = _PARAMETER.fullmatch(item)
        if not parameter or parameter["name"].upper() in given:
            raise Refused("501 5.5.4 A parameter is malformed, or given twice")
        given[parameter["name"].upper()] = parameter["value"] or ""
    return _ROUTE.sub("", found["path"], count=1), given
