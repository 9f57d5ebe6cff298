"""Email addresses as people and programs write them: `ada@example.com` or `Ada <ada@example.com>`.

Refuses, each with a reason: what RFC 5321/5322/6531 do not allow, quoted local parts and address literals
(legal, but no mailbox in the wild needs them and much software breaks on them), control characters, several
addresses in one string. Asks no DNS: whether anybody receives there is another question.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from functools import lru_cache

import email_validator

#: RFC 6761 names that private networks and tests do use; the library refuses them unless told otherwise.
_PRIVATE_NAMES = ("example", "local", "localhost", "test")
for _name in _PRIVATE_NAMES:
    if _name in email_validator.SPECIAL_USE_DOMAIN_NAMES:
        email_validator.SPECIAL_USE_DOMAIN_NAMES.remove(_name)

#: Longest display name, in characters: a header line of 998 octets must hold it encoded.
MAX_NAME = 255
#: Longest string that is looked at; an address has at most 254 octets, the rest is name and quoting.
_MAX_TEXT = 1024
#: Longest local part in octets (RFC 5321 §4.5.3.1.1, which RFC 6531 leaves as it is).
_MAX_LOCAL = 64

_NAMED = re.compile(r"(?P<name>.*?)\s*<(?P<address>[^<>]*)>", re.DOTALL)
_QUOTED = re.compile(r'"(?P<text>(?:[^"\\]|\\.)*)"', re.DOTALL)


class AddressError(ValueError):
    """Not an address we can send to; the message says why, for a person."""


@dataclass(frozen=True, slots=True)
class Address:
    """One mailbox: the local part as given (NFC), the domain in A-label form and lower case."""

    local: str
    domain: str
    name: str | None = None

    @property
    def email(self) -> str:
        """`local@domain`, as it goes into the envelope."""
        return f"{self.local}@{self.domain}"

    @property
    def key(self) -> str:
        """The form in which two addresses are compared (`address_key`)."""
        return address_key(self.email)

    def named(self, name: str | None) -> Address:
        """The same mailbox under another display name."""
        return replace(self, name=name)


def address_key(email: str) -> str:
    """The form in which the address `email` (`Address.email`) is compared with others.

    RFC 5321 lets a local part be case-sensitive, but no one who opted out means only one spelling of theirs.
    """
    # case folding makes capitals of small Cherokee letters alone, hence `lower` after it
    return email.casefold().lower()


def parse_address(text: str) -> Address:
    """The one address in `text`, with or without a display name.

    Raises:
        AddressError: it is not exactly one acceptable address.
    """
    text = text.strip(" \t")
    if not text:
        raise AddressError("The address is empty.")
    if len(text) > _MAX_TEXT:
        raise AddressError("The address is too long.")
    if not text.endswith(">"):
        return _mailbox(text)
    named = _NAMED.fullmatch(text)
    if named is None:
        raise AddressError('Not an address of the form "Name <user@example.com>".')
    return _mailbox(named["address"]).named(_display_name(named["name"]) or None)


def check_name(name: str) -> str:
    """`name` as a display name: trimmed, NFC.

    Raises:
        AddressError: it holds line breaks or other control characters, or is longer than `MAX_NAME`.
    """
    if has_controls(name):
        raise AddressError("A name can't contain line breaks or other control characters.")
    name = unicodedata.normalize("NFC", name.strip())
    if len(name) > MAX_NAME:
        raise AddressError(f"A name has at most {MAX_NAME} characters.")
    return name


def has_controls(text: str, allow: str = "") -> bool:
    """Whether `text` holds control characters (line breaks, NUL, U+2028 …) other than those of `allow`."""
    if text.isascii() and text.isprintable():
        return False
    return any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") and char not in allow for char in text)


def domain_name(text: str) -> str:
    """`text` as a domain: A-label form, lower case, no trailing dot.

    Raises:
        AddressError: it is not a domain name.
    """
    return _mailbox(f"postmaster@{text.strip().removesuffix('.')}").domain


def _display_name(text: str) -> str:
    quoted = _QUOTED.fullmatch(text)
    if quoted:
        return check_name(re.sub(r"\\(.)", r"\1", quoted["text"], flags=re.DOTALL))
    if any(char in text for char in '@,;:"'):
        # one mistaken comma must not turn two recipients into one with an odd name
        raise AddressError(
            "Put a name that contains any of @ , ; : in double quotes; give several addresses as an array."
        )
    return check_name(text)


@lru_cache(maxsize=4096)
def _mailbox(text: str) -> Address:
    if text.startswith('"'):
        raise AddressError('Quoted local parts (like "a b"@example.com) are not accepted.')
    if "(" in text:
        raise AddressError("Comments (in parentheses) are not accepted.")
    if "," in text or ";" in text:
        raise AddressError("This holds more than one address; give them as an array of strings.")
    local_domain = text.rpartition("@")[2].lower() == "localhost"
    try:
        checked = email_validator.validate_email(
            text, check_deliverability=False, globally_deliverable=not local_domain, strict=True
        )
    except email_validator.EmailNotValidError as error:
        raise AddressError(str(error)) from None
    if len(checked.local_part.encode()) > _MAX_LOCAL:  # the library counts characters
        raise AddressError(f"The part before the @-sign is longer than {_MAX_LOCAL} octets in UTF-8.")
    return Address(checked.local_part, checked.ascii_domain.lower())
