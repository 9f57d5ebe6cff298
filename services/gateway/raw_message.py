"""A whole message (RFC 5322) as a client hands it over: judged, and its headers read. Pure.

Refuses what servers on the way read differently from each other: bare CR or LF (SMTP smuggling), NUL, lines
over 998 octets, headers that are none or occur twice, 8-bit headers that nobody declared. What a header says
in encoded words is decoded for logs alone; the message itself is never rebuilt.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.errors import MessageError
from email.header import decode_header, make_header
from email.utils import getaddresses

from services.gateway.errors import problem
from services.gateway.intents import MAX_SUBJECT
from shared.addresses import MAX_NAME, Address, AddressError, parse_address
from shared.errors import ApiError

#: Octets of all headers together, and how many fields there may be.
_LONGEST_HEAD = 128 * 1024
_MOST_FIELDS = 1_000
#: A message that came by more servers than this goes in circles (RFC 5321 §6.3).
_MOST_HOPS = 50

#: RFC 5322 §3.6: at most once; a second one shows readers and filters different things.
_ONCE = frozenset(
    ("from", "sender", "reply-to", "to", "cc", "message-id", "in-reply-to", "references", "subject", "date")
)

_TOO_LONG = re.compile(rb"[^\n]{1000}")
_BETWEEN_FIELDS = re.compile(r"\r\n(?![ \t])")
_FIELD = re.compile(r"([!-9;-~]{1,76}):(.*)", re.DOTALL)
_BLANK_FOLD = re.compile(r"\r\n[ \t]+(?=\r\n|$)")
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,500}>")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_COMMENT = re.compile(r"\([^()]*\)")
_BRACKETED = re.compile(r"[^<>]*<([^<>]*)>\s*")


@dataclass(frozen=True, slots=True)
class RawMessage:
    """A message that was judged good: its octets, and its header fields as (name in lower case, value)."""

    data: bytes
    fields: list[tuple[str, str]]

    def all(self, name: str) -> list[str]:
        """The unfolded values of every field `name`."""
        return [value for found, value in self.fields if found == name]

    def text(self, name: str) -> str:
        """What the first field `name` says, decoded, on one line; empty without one."""
        return next((decoded(value) for value in self.all(name)), "")

    @property
    def subject(self) -> str:
        """As a log shows it."""
        return self.text("subject")[:MAX_SUBJECT]

    @property
    def message_id(self) -> str | None:
        """Its own, if it has one that is one."""
        given = next(iter(self.all("message-id")), "")
        return given if _MESSAGE_ID.fullmatch(given) else None

    def addressed(self) -> dict[str, tuple[str, str | None]]:
        """Whom To and Cc name: address (`Address.email`) → kind and display name."""
        found: dict[str, tuple[str, str | None]] = {}
        for kind in ("to", "cc"):
            for name, address in getaddresses(self.all(kind)):
                try:
                    known = parse_address(address)
                except AddressError:
                    continue
                found.setdefault(known.email, (kind, decoded(name)[:MAX_NAME].strip() or None))
        return found


def read(data: bytes, *, utf8: bool) -> RawMessage:
    """`data`, judged.

    Args:
        utf8: whether headers may hold UTF-8 (RFC 6532).

    Raises:
        ApiError: it can't be sent; the text says why.
    """
    _check_lines(data)
    end = 0 if data.startswith(b"\r\n") else data.find(b"\r\n\r\n")
    head = data[:end] if end >= 0 else data.removesuffix(b"\r\n")
    if len(head) > _LONGEST_HEAD:
        raise _refused(f"The headers are larger than {_LONGEST_HEAD} octets.")
    if not utf8 and not head.isascii():
        raise _refused("The headers hold 8-bit characters: encode them (RFC 2047), or say SMTPUTF8.")
    try:
        fields = [_field(line) for line in _BETWEEN_FIELDS.split(head.decode())] if head else []
    except UnicodeDecodeError:
        raise _refused("The headers are not UTF-8.") from None
    _check_fields([name for name, _ in fields])
    return RawMessage(data, fields)


def mailbox(value: str, header: str) -> Address:
    """The one address that a header with this value names.

    Raises:
        ApiError: it names none, or more than one, or one that mail can't come from.
    """
    bare = _QUOTED.sub('""', value)
    while _COMMENT.search(bare):
        bare = _COMMENT.sub("", bare)
    bracketed = _BRACKETED.fullmatch(bare)
    # exactly one @: a second address that only some readers see must not get in
    if bare.count("@") != 1 or any(char in bare for char in ",;") or ("<" in bare and not bracketed):
        raise _refused(f"{header} must name one address.")
    try:
        address = parse_address(bracketed[1] if bracketed else bare.strip())
    except AddressError as error:
        raise _refused(f"{header}: {error}") from None
    name = decoded(value[: value.rindex("<")]).strip() if bracketed else ""
    return address.named(_unquoted(name)[:MAX_NAME].strip() or None)


def decoded(value: str) -> str:
    """What a header's value says, encoded words decoded; control characters become spaces."""
    try:
        text = str(make_header(decode_header(value)))
    except (MessageError, ValueError, LookupError):
        text = value
    return "".join(char if char.isprintable() else " " for char in text).strip()


def _check_lines(data: bytes) -> None:
    ends = data.count(b"\r\n")
    if data.count(b"\r") != ends or data.count(b"\n") != ends:
        raise _refused("The message holds a bare CR or LF: lines end in CR LF, and neither stands alone.")
    if b"\0" in data:
        raise _refused("The message holds NUL: encode what is not text.")
    long = _TOO_LONG.search(data)
    if long:
        number = data.count(b"\n", 0, long.start()) + 1
        raise _refused(f"Line {number} is longer than 998 octets: encode it, or break it.")


def _field(line: str) -> tuple[str, str]:
    found = _FIELD.fullmatch(line)
    if not found or _BLANK_FOLD.search(line):
        raise _refused(f"This is no header: {line[:60]!r}. An empty line ends the headers.")
    return found[1].lower(), found[2].replace("\r\n", "").strip(" \t")


def _check_fields(names: list[str]) -> None:
    if len(names) > _MOST_FIELDS:
        raise _refused(f"There are more than {_MOST_FIELDS} headers.")
    twice = sorted(name for name in _ONCE if names.count(name) > 1)
    if twice:
        raise _refused(f"These headers may occur once: {', '.join(twice)}.")
    if names.count("received") > _MOST_HOPS:
        raise _refused("The message came by too many servers: it goes in circles.")


def _unquoted(name: str) -> str:
    if len(name) > 1 and name[0] == name[-1] == '"':
        return re.sub(r"\\(.)", r"\1", name[1:-1])
    return name


def _refused(sentence: str) -> ApiError:
    return problem("validation_error", sentence)
