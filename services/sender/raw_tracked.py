"""Links and pixel in a message that came as a whole: in what its reader sees, never in what is sealed.

Left as they are: what is signed or encrypted, attachments, messages inside the message, and parts whose text
does not come out of its charset and back the same. Of a part that is tracked only the links change; it may
have another transfer encoding afterwards.
"""

from __future__ import annotations

import base64
import binascii
import quopri
from collections.abc import Iterator
from email.message import Message as Headers

from services.sender.message import Message
from services.sender.mime import encode
from services.sender.pieces import blocks
from services.sender.tracked import Reader, body
from shared.mime_tree import SEALED, Edit, Part, applied, encoded_as, head_as, header_of, tree

#: Signed or encrypted inside the text (RFC 4880 §7, §6.2).
_PGP = "-----BEGIN PGP "
_READ = {"text/html": True, "text/plain": False}


def tracked(message: Message, reader: Reader | None) -> Message:
    """`message` with its links led over us and its pixel, as far as `reader` is tracked."""
    if reader is None or not (reader.opens or reader.clicks):
        return message
    data = b"".join(blocks(message.body))
    root = tree(message.headers, data)
    edits: list[Edit] = []
    fields = list(message.headers)
    for part in _seen(root):
        changed = _tracked(part, data, reader)
        if changed is None:
            continue
        encoding, encoded = changed
        edits.append((*part.body, encoded))
        if part.head is None:
            fields = encoded_as(fields, encoding)
        else:
            edits.append((*part.head, head_as(part, encoding)))
    if not edits:
        return message
    whole = applied(data, edits)
    return message._replace(headers=fields, body=[whole if whole.endswith(b"\r\n") else whole + b"\r\n"])


def _seen(part: Part) -> Iterator[Part]:
    """The texts that a reader sees."""
    if part.type in SEALED or part.type.startswith("message/"):
        return
    attached = header_of(part.fields, "content-disposition").lower().startswith("attachment")
    if part.type in _READ and not part.children and not attached:
        yield part
    for child in part.children:
        yield from _seen(child)


def _tracked(part: Part, data: bytes, reader: Reader) -> tuple[str, bytes] | None:
    """The part's new encoding and content; None if nothing changes."""
    about = Headers()
    about["Content-Type"] = header_of(part.fields, "content-type") or "text/plain"
    charset = about.get_content_charset("us-ascii")
    try:
        octets = _decoded(data[slice(*part.body)], part.encoding)
        text = octets.decode(charset)
        found = body(text, html=_READ[part.type], template=False).render({}, reader)
        if found == text or text.encode(charset) != octets or _PGP in text:
            return None
        return encode(found.encode(charset))
    except (ValueError, LookupError):  # no such charset, or not what it says it is
        return None


def _decoded(content: bytes, encoding: str) -> bytes:
    """Raises ValueError for an encoding that is none."""
    if encoding in ("", "7bit", "8bit", "binary"):
        return content
    if encoding == "quoted-printable":
        return quopri.decodestring(content)
    if encoding == "base64":
        try:
            return base64.b64decode(content)
        except binascii.Error as error:
            raise ValueError("not base64") from error
    raise ValueError(f"no such encoding: {encoding[:40]}")
