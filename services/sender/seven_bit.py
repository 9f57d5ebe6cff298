"""A message for a relay without 8BITMIME (RFC 6152 §3): its 8-bit parts re-encoded, the rest as it is.

Refuses where that would change what somebody has signed, or where no encoding helps: bounced with that reason
is better than a signature that fails at the reader's.
"""

from __future__ import annotations

from services.sender.message import Message
from services.sender.mime import encode
from services.sender.pieces import blocks
from shared.mime_tree import SEALED, Edit, Part, applied, encoded_as, head_as, tree

_PLAIN = ("", "7bit", "8bit", "binary")


class CantConvert(ValueError):
    """The message can't be sent in seven bits; the text says why."""


def seven_bit(message: Message) -> Message:
    """`message` with a body of seven bits.

    Raises:
        CantConvert: what has eight bits is signed or encrypted, or is not the content of a part.
    """
    body = b"".join(blocks(message.body))
    root = tree(message.headers, body)
    edits: list[Edit] = []
    encoding = _convert(root, body, edits)
    converted = applied(body, edits)
    if not converted.isascii():
        raise CantConvert("the relay does not take 8-bit mail, and the message has 8 bits between its parts")
    fields = list(message.headers) if encoding is None else encoded_as(message.headers, encoding)
    return message._replace(headers=fields, body=[converted])


def _convert(part: Part, data: bytes, edits: list[Edit]) -> str | None:
    """Notes the edits of a part and of all in it; returns its new encoding, None where it stays."""
    start, end = part.body
    content = data[start:end]
    if content.isascii():
        return "7bit" if part.encoding in ("8bit", "binary") else None
    if part.type in SEALED:
        raise CantConvert(f"the relay does not take 8-bit mail, and a part of type {part.type} has 8 bits")
    if not part.children:
        if part.encoding not in _PLAIN or part.type.startswith(("multipart/", "message/")):
            raise CantConvert("the relay does not take 8-bit mail, and 8 bits are where none may be")
        encoding, encoded = encode(content)
        edits.append((start, end, encoded))
        return encoding
    for child in part.children:
        encoding_of_child = _convert(child, data, edits)
        if encoding_of_child is not None and child.head:
            edits.append((*child.head, head_as(child, encoding_of_child)))
    return "7bit" if part.encoding else None
