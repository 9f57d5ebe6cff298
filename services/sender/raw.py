"""A message that came as a whole → the message as it goes over the wire: the same but for a few headers.

Out go Bcc, Return-Path, and what its sender told us (X-Mailmatic-…, Idempotency-Key); in come From, Date and
Message-ID where they are missing. Every other header and the whole body stay as they are to the last byte, so
that signatures of S/MIME, PGP and the client's own DKIM hold.
"""

from __future__ import annotations

from email.utils import format_datetime

from services.sender import headers
from services.sender.jobs import Job
from services.sender.message import Message
from services.sender.pieces import Octets, Piece
from shared.mime_tree import split

#: Never sent on. The gateway reads the same names (services/gateway/raw_message.py).
DROPPED = frozenset({"bcc", "resent-bcc", "return-path", "idempotency-key", "x-idempotency-key"})
DROPPED_PREFIX = "x-mailmatic-"


def render(job: Job, data: bytes | bytearray) -> Message:
    """The whole message, unsigned; `data` is not copied.

    Raises:
        headers.HeaderInjection: the stored headers are no UTF-8.
    """
    fields, body_at = split(data)
    if not all(map(_is_utf8, fields)):
        raise headers.HeaderInjection("the headers of the stored message are not UTF-8")
    kept = [line for line in fields if not _dropped(line, job.message_id)]
    names = {_name(line) for line in kept}
    if "from" not in names:
        kept.append(headers.address_field("From", [job.sender]))
    if "date" not in names:
        kept.append(f"Date: {format_datetime(job.wanted_at)}")
    if "message-id" not in names:
        kept.append(f"Message-ID: {job.message_id}")
    body: list[Piece] = [Octets(data, body_at)]
    if len(data) > body_at and not data.endswith(b"\r\n"):
        body.append(b"\r\n")
    return Message(kept, body)


def _dropped(line: str, message_id: str) -> bool:
    name = _name(line)
    if name == "message-id":  # one that is no Message-ID gives way to ours
        return line.partition(":")[2].strip() != message_id
    return name in DROPPED or name.startswith(DROPPED_PREFIX)


def _name(line: str) -> str:
    return line.partition(":")[0].strip().lower()


def _is_utf8(line: str) -> bool:
    return line.isascii() or not any("\ud800" <= char <= "\udfff" for char in line)
