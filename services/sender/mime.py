"""Bodies as MIME parts (RFC 2045, 2046): always 7-bit on the wire, lines of at most 76 octets when encoded.

A body that is ASCII with short lines travels as it is; any other as quoted-printable or base64, whichever is
shorter. So no message needs 8BITMIME, and no relay on the way has a reason to re-encode (and so to break a
signature).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence

from services.sender.pieces import Piece, merged

#: RFC 5322 §2.1.1 allows 998 octets; staying below leaves room for dot-stuffing.
MAX_LINE = 990
_LINE_END = re.compile(r"\r\n|\r|\n")

CRLF = "\r\n"

#: (header lines, each folded and without its final line end; encoded body, ends in CRLF)
Part = tuple[list[str], Sequence[Piece]]


def text_part(subtype: str, body: str) -> Part:
    """A text part.

    Args:
        subtype: `plain` or `html`.
        body: the text with any kind of line end.
    """
    data = _LINE_END.sub("\r\n", body).encode()
    if not data.endswith(b"\r\n"):
        data += b"\r\n"
    encoding, encoded = encode(data)
    charset = "us-ascii" if data.isascii() else "utf-8"
    head = [f"Content-Type: text/{subtype}; charset={charset}", f"Content-Transfer-Encoding: {encoding}"]
    return head, (encoded,)


def multipart(subtype: str, parts: Sequence[Part], boundary: str, *parameters: str) -> Part:
    """multipart/`subtype` of `parts` (RFC 2046 §5.1).

    Args:
        subtype: `alternative` (plainest first), `related` (the root first) or `mixed`.
        parameters: more of its Content-Type.
    """
    pieces: list[Piece] = []
    for head, body in parts:
        pieces += [f"--{boundary}\r\n{CRLF.join(head)}\r\n\r\n".encode(), *body]
    pieces.append(f"--{boundary}--\r\n".encode())
    head_line = ";\r\n ".join([f"Content-Type: multipart/{subtype}", *parameters, f'boundary="{boundary}"'])
    return [head_line], merged(pieces)


def lines(body: str) -> list[str]:
    """The lines of a body with any kind of line end."""
    return _LINE_END.split(body)


def is_plain(text: str | bytes) -> bool:
    """Whether `text` is of characters that travel as they are."""
    return text.isascii() and ("\0" not in text if isinstance(text, str) else b"\0" not in text)


def encode(data: bytes) -> tuple[str, bytes]:
    """The shortest encoding of `data` (CRLF line ends) into seven bits and short lines, and `data` in it."""
    if is_plain(data) and max(map(len, data.split(b"\r\n"))) <= MAX_LINE:
        return "7bit", data
    quoted = binascii.b2a_qp(data)
    if len(quoted) <= len(data) * 4 // 3 + 78:
        return "quoted-printable", quoted
    return "base64", base64.encodebytes(data).replace(b"\n", b"\r\n")
