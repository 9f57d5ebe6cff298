"""What goes over the wire, in pieces: bytes as they are, and files that become base64 on their way out.

A file of 20 MB is in memory once, however often it is hashed, sent and sent again: its encoded form exists a
block at a time.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import cast

#: 57 octets make a line of 76 characters, the longest there may be (RFC 2045 §6.8).
_LINE = 57
_ENCODED_LINE = 76
#: Octets of a file that are encoded at a time: a whole number of lines.
_BLOCK = _LINE * 1024


@dataclass(frozen=True)
class Base64:
    """A file whose lines of base64, each ending in CRLF, are made while they are read."""

    data: bytes | bytearray

    def __len__(self) -> int:
        """Of the encoded form, line ends included."""
        size = len(self.data)
        return -(-size // 3) * 4 + -(-size // _LINE) * 2

    def __iter__(self) -> Iterator[bytes]:
        view = memoryview(self.data)
        for start in range(0, len(view), _BLOCK):
            encoded = binascii.b2a_base64(view[start : start + _BLOCK], newline=False)
            lines = [encoded[at : at + _ENCODED_LINE] for at in range(0, len(encoded), _ENCODED_LINE)]
            lines.append(b"")
            yield b"\r\n".join(lines)


@dataclass(frozen=True)
class Octets:
    """What of `data` lies behind `start`, read in place."""

    data: bytes | bytearray
    start: int = 0

    def __len__(self) -> int:
        return len(self.data) - self.start

    def __iter__(self) -> Iterator[bytes]:
        view = memoryview(self.data)
        for start in range(self.start, len(view), _BLOCK):
            yield bytes(view[start : start + _BLOCK])

    def isascii(self) -> bool:
        """Whether no octet has its eighth bit set."""
        return all(block.isascii() for block in self)


Piece = bytes | Base64 | Octets


@dataclass(frozen=True)
class Stream:
    """A whole message, to be read from its beginning as often as one likes. The headers are in one piece."""

    pieces: Sequence[Piece]

    def __len__(self) -> int:
        return sum(map(len, self.pieces))

    def __iter__(self) -> Iterator[bytes]:
        return blocks(self.pieces)

    @property
    def head(self) -> bytes:
        """The headers."""
        first = self.pieces[0]
        return first.partition(b"\r\n\r\n")[0] if isinstance(first, bytes) else b""

    def isascii(self) -> bool:
        """Whether it needs no 8BITMIME."""
        return all(piece.isascii() for piece in self.pieces if not isinstance(piece, Base64))

    def body_isascii(self) -> bool:
        """Whether what follows the headers has seven bits."""
        first, *rest = self.pieces
        start = first.partition(b"\r\n\r\n")[2] if isinstance(first, bytes) else first
        return all(piece.isascii() for piece in (start, *rest) if not isinstance(piece, Base64))


def blocks(pieces: Iterable[Piece]) -> Iterator[bytes]:
    """The bytes of `pieces` in order, never a whole encoded file at once."""
    for piece in pieces:
        if isinstance(piece, bytes):
            yield piece
        else:
            yield from piece


def merged(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    """`pieces` with neighbouring bytes joined, so that what is small travels together."""
    pieces = tuple(pieces)
    if all(type(piece) is bytes for piece in pieces):
        return (b"".join(cast(tuple[bytes, ...], pieces)),)
    found: list[Piece] = []
    run: list[bytes] = []
    for piece in pieces:
        if isinstance(piece, bytes):
            run.append(piece)
            continue
        if run:
            found.append(b"".join(run))
            run = []
        found.append(piece)
    if run:
        found.append(b"".join(run))
    return tuple(found)
