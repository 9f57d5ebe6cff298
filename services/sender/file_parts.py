"""Attachments and inline images as MIME parts: their headers, and the file behind them.

Refuses a stored name, type or Content-ID that would break out of its line.
"""

from __future__ import annotations

import re
from urllib.parse import quote

from services.sender.headers import refuse_breaks
from services.sender.jobs import Attachment
from services.sender.mime import Part
from services.sender.pieces import Base64

#: How much of an encoded file name stands on one line (characters).
_SEGMENT = 56
#: A character of an encoded file name: itself, or one octet as %XX.
_ENCODED = re.compile(r"%..|[^%]")


def file_part(item: Attachment, data: bytes | bytearray, *, inline: bool) -> Part:
    """The part that carries `data`: inside the HTML when `inline`, else beside the message's text.

    Raises:
        headers.HeaderInjection: see above.
    """
    refuse_breaks(f"{item.filename}{item.content_type}{item.cid or ''}")
    disposition = "inline" if inline else "attachment"
    head = [
        f"Content-Type: {item.content_type}",
        "Content-Transfer-Encoding: base64",
        ";\r\n ".join([f"Content-Disposition: {disposition}", *_filename(item.filename)]),
    ]
    if item.cid:
        head.append(f"Content-ID: <{item.cid}>")
    return head, (Base64(data),)


def _filename(name: str) -> list[str]:
    """The `filename` parameter: quoted if it is ASCII, else by RFC 2231, in segments where it is long."""
    if name.isascii():
        escaped = re.sub(r'(["\\])', r"\\\1", name)
        return [f'filename="{escaped}"']
    segments = [""]
    for char in _ENCODED.findall(quote(name, safe="")):
        if len(segments[-1]) + len(char) > _SEGMENT:
            segments.append("")
        segments[-1] += char
    segments[0] = f"utf-8''{segments[0]}"
    if len(segments) == 1:
        return [f"filename*={segments[0]}"]
    return [f"filename*{number}*={segment}" for number, segment in enumerate(segments)]
