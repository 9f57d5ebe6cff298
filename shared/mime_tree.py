"""Where the parts of a message lie (RFC 2046 §5.1): as offsets, so that one can be changed alone.

Reads no more structure than there is: a boundary that never comes makes a part without children. Bounded in
depth and number, whatever a message claims.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from email.message import Message

#: What is inside must not change by an octet: it is signed, or encrypted and signed (RFC 1847).
SEALED = ("multipart/signed", "multipart/encrypted")

#: (from, to, instead): what to put in place of a piece of the body.
Edit = tuple[int, int, bytes]

_BETWEEN_FIELDS = re.compile(r"\r\n(?![ \t])")
_ENCODING = "content-transfer-encoding"
_DEEPEST = 30
_MOST_PARTS = 2_000


@dataclass(frozen=True)
class Part:
    """One part: its header fields (folded), and where headers and body lie in the whole message's body.

    `head` is None for the message itself, whose headers are kept elsewhere; it includes the empty line.
    """

    fields: Sequence[str]
    head: tuple[int, int] | None
    body: tuple[int, int]
    type: str
    encoding: str
    children: Sequence[Part] = ()

    def walk(self) -> Iterator[Part]:
        """This part and all inside it."""
        yield self
        for child in self.children:
            yield from child.walk()


def split(data: bytes | bytearray) -> tuple[list[str], int]:
    """The header fields, each folded as it came and without its final line end, and where the body begins.

    What is not UTF-8 comes as surrogates (`surrogateescape`), so that it can be put back as it was.
    """
    if data.startswith(b"\r\n"):
        return [], 2
    end = data.find(b"\r\n\r\n")
    head = bytes(data[:end] if end >= 0 else data).removesuffix(b"\r\n")
    fields = _BETWEEN_FIELDS.split(head.decode("utf-8", "surrogateescape"))
    return fields, end + 4 if end >= 0 else len(data)


def tree(fields: Sequence[str], data: bytes, start: int = 0) -> Part:
    """The structure of a message with these header fields; its body is what lies behind `start`."""
    return _Reader(data).part(fields, None, (start, len(data)), _DEEPEST)


def header_of(fields: Sequence[str], name: str) -> str:
    """The unfolded value of the first field `name` (lower case); empty without one."""
    for line in fields:
        found, _, value = line.partition(":")
        if found.strip().lower() == name:
            return value.replace("\r\n", "").strip()
    return ""


def applied(data: bytes, edits: Iterable[Edit]) -> bytes:
    """`data` with each edit made; they do not overlap."""
    pieces, at = [], 0
    for start, end, instead in sorted(edits):
        pieces += [data[at:start], instead]
        at = end
    return b"".join([*pieces, data[at:]])


def head_as(part: Part, encoding: str) -> bytes:
    """The headers of `part`, and the line that ends them, with another Content-Transfer-Encoding."""
    return ("\r\n".join(encoded_as(part.fields, encoding)) + "\r\n\r\n").encode("utf-8", "surrogateescape")


def encoded_as(fields: Sequence[str], encoding: str) -> list[str]:
    """Header fields with another Content-Transfer-Encoding."""
    kept = [line for line in fields if line.partition(":")[0].strip().lower() != _ENCODING]
    return [*(line for line in kept if line), f"Content-Transfer-Encoding: {encoding}"]


def filename(part: Part) -> str | None:
    """What a part's file is called (RFC 2183, 2231), encoded words as they stand; None: it has no name."""
    about = Message()
    for name in ("Content-Disposition", "Content-Type"):
        about[name] = _legible(header_of(part.fields, name.lower()))
    return about.get_filename()


def _legible(value: str) -> str:
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._left = _MOST_PARTS

    def part(
        self, fields: Sequence[str], head: tuple[int, int] | None, body: tuple[int, int], depth: int
    ) -> Part:
        self._left -= 1
        about: Message = Message()
        about["Content-Type"] = _legible(header_of(fields, "content-type")) or "text/plain"
        kind = about.get_content_type()
        encoding = header_of(fields, _ENCODING).lower()
        children: list[Part] = []
        if depth and kind.startswith("multipart/") and (boundary := about.get_boundary()):
            children = [self._at(start, end, depth - 1) for start, end in self._between(boundary, body)]
        elif depth and kind == "message/rfc822" and encoding in ("", "7bit", "8bit", "binary"):
            children = [self._at(*body, depth - 1)]
        return Part(fields, head, body, kind, encoding, children)

    def _at(self, start: int, end: int, depth: int) -> Part:
        """The part whose headers begin at `start`."""
        fields, length = split(self._data[start:end])
        return self.part(fields, (start, start + length), (start + length, end), depth)

    def _between(self, boundary: str, body: tuple[int, int]) -> Iterator[tuple[int, int]]:
        """What lies between the boundary's lines; the line end before one belongs to it."""
        mark = b"--" + boundary.encode("utf-8", "replace")
        opened: int | None = None
        for at, after, closes in self._marks(mark, *body):
            if opened is not None and self._left > 0:
                yield opened, max(opened, at - 2)
            if closes:
                return
            opened = after
        if opened is not None and self._left > 0:  # never closed: it goes on to the end
            yield opened, body[1]

    def _marks(self, mark: bytes, start: int, end: int) -> Iterator[tuple[int, int, bool]]:
        """Where each line of the boundary begins and ends, and whether it closes the last part."""
        at = start if self._data.startswith(mark, start, end) else self._next(mark, start, end)
        while at >= 0:
            line_end = self._data.find(b"\r\n", at, end)
            after = end if line_end < 0 else line_end + 2
            rest = self._data[at + len(mark) : after].strip()
            if rest in (b"", b"--"):
                yield at, after, rest == b"--"
            at = self._next(mark, at, end)

    def _next(self, mark: bytes, start: int, end: int) -> int:
        found = self._data.find(b"\r\n" + mark, start, end)
        return found + 2 if found >= 0 else -1
