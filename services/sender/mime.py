"""Bodies as MIME parts (RFC 2045, 2046): always 7-bit on the wire, lines of at most 76 octets when encoded.

A body that is ASCII with short lines travels as it is; any other as quoted-printable or base64, whichever is
shorter. So no message needs 8BITMIME, and no relay on the way has a reason to re-encode (and so to break a
signature).
"""

from __future__ import annotations

import base64
import binascii
import re

#: RFC 5322 §2.1.1 allows 998 octets; staying below leaves room for dot-stuffing.
_MAX_LINE = 990
_LINE_END = re.compile(r"\r\n|\r|\n")

CRLF = "\r\n"

#: (header lines, each folded and without its final line end; encoded body, ends in CRLF)
Part = tuple[list[str], bytes]


def text_part(subtype: str, body: str) -> Part:
    """A text part.

    Args:
        subtype: `plain` or `html`.
        body: the text with any kind of line end.
    """
    data = _LINE_END.sub("\r\n", body).encode()
    if not data.endswith(b"\r\n"):
        data += b"\r\n"
    encoding, encoded = _encode(data)
    charset = "us-ascii" if data.isascii() else "utf-8"
    head = [f"Content-Type: text/{subtype}; charset={charset}", f"Content-Transfer-Encoding: {encoding}"]
    return head, encoded


def alternative(parts: list[Part], boundary: str) -> Part:
    """multipart/alternative of `parts`, plainest first (RFC 2046 §5.1.4)."""
    pieces = [f"--{boundary}\r\n{CRLF.join(head)}\r\n\r\n".encode() + body for head, body in parts]
    head = f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"'
    return [head], b"".join(pieces) + f"--{boundary}--\r\n".encode()


def _encode(data: bytes) -> tuple[str, bytes]:
    if data.isascii() and b"\0" not in data and max(map(len, data.split(b"\r\n"))) <= _MAX_LINE:
        return "7bit", data
    quoted = binascii.b2a_qp(data)
    if len(quoted) <= len(data) * 4 // 3 + 78:
        return "quoted-printable", quoted
    return "base64", base64.encodebytes(data).replace(b"\n", b"\r\n")
