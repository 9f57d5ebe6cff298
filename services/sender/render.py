"""A job → the message as it goes over the wire. The same job always gives the same bytes.

Bcc recipients are in the envelope and nowhere else. Gateways have checked names and values; a line break in
one would still be refused here, because what is stored is not to be trusted with a message's structure.
"""

from __future__ import annotations

from email.utils import format_datetime

from services.sender import headers, mime
from services.sender.jobs import Job


def render(job: Job) -> bytes:
    """The whole message: CRLF line ends, ends in one.

    Raises:
        headers.HeaderInjection: a stored header would break out of its line.
    """
    content = job.content
    lines = [headers.address_field("From", [(content.from_name, content.from_address)])]
    for name, kind in (("To", "to"), ("Cc", "cc")):
        shown = [(item.name, item.address) for item in job.recipients if item.kind == kind]
        if shown:
            lines.append(headers.address_field(name, shown))
    if content.reply_to:
        lines.append(headers.address_field("Reply-To", content.reply_to))
    lines += [
        headers.field("Subject", content.subject),
        f"Date: {format_datetime(job.created_at)}",
        f"Message-ID: {job.message_id}",
        *(headers.field(name, value) for name, value in content.headers),
        "MIME-Version: 1.0",
    ]
    part_head, body = _body(job)
    lines.append(part_head)
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def _body(job: Job) -> tuple[str, bytes]:
    content = job.content
    parts = [
        mime.text_part(subtype, body)
        for subtype, body in (("plain", content.text), ("html", content.html))
        if body is not None
    ]
    return parts[0] if len(parts) == 1 else mime.alternative(parts, f"=_mm_{job.email_id.hex}")
