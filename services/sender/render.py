"""A job → the message as it goes over the wire. The same job always gives the same bytes.

Bcc recipients are in the envelope and nowhere else. Gateways have checked names and values; a line break in
one would still be refused here, because what is stored is not to be trusted with a message's structure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from email.utils import format_datetime
from typing import Any
from uuid import UUID

from services.sender import headers, mime, raw
from services.sender.file_parts import file_part
from services.sender.jobs import Content, Job
from services.sender.message import Message
from services.sender.tracked import body
from services.sender.unsubscribing import with_one_click
from shared import templates

#: Files by their ids.
Data = Mapping[UUID, bytes | bytearray]


def render(job: Job, files: Data) -> Message:
    """The whole message, unsigned.

    Args:
        files: those that its attachments name; they are not copied.

    Raises:
        headers.HeaderInjection: a stored header would break out of its line.
        templates.TemplateError: the stored content is no template, though the email has variables.
    """
    if job.content.raw:
        return raw.render(job, files[job.content.raw.file_id])
    content = _filled(job)
    lines = [headers.address_field("From", [job.sender])]
    for name, kind in (("To", "to"), ("Cc", "cc")):
        shown = [(item.name, item.address) for item in job.recipients if item.kind == kind]
        if shown:
            lines.append(headers.address_field(name, shown))
    if job.reply_to:
        lines.append(headers.address_field("Reply-To", job.reply_to))
    lines += [
        headers.field("Subject", content.subject),
        f"Date: {format_datetime(job.wanted_at)}",
        f"Message-ID: {job.message_id}",
        *(headers.field(name, value) for name, value in _custom_headers(job)),
        "MIME-Version: 1.0",
    ]
    part_head, body = _body(content, files, job.email_id.hex)
    lines += part_head
    return Message(lines, body)


def _custom_headers(job: Job) -> list[tuple[str, str]]:
    """Those that its sender gave, and for bulk mail the ones of one click."""
    url = job.unsubscribe_url if job.stream == "bulk" else None
    return with_one_click(job.headers, url) if url else job.headers


def _filled(job: Job) -> Content:
    """The content with the job's variables, escaped where it is HTML, and its links led over us."""
    content, is_template = job.content, job.variables is not None
    if not is_template and not _tracks(job):
        return content
    values = _values(job)
    return replace(
        content,
        subject=templates.parse(content.subject).render_line(values) if is_template else content.subject,
        html=content.html and body(content.html, html=True, template=is_template).render(values, job.reader),
        text=content.text and body(content.text, html=False, template=is_template).render(values, job.reader),
    )


def _tracks(job: Job) -> bool:
    return job.reader is not None and (job.reader.opens or job.reader.clicks)


def _values(job: Job) -> Mapping[str, Any]:
    """The variables, and where to unsubscribe: a sender's own way out stands, but in bulk mail it is ours."""
    given, url = job.variables, job.unsubscribe_url
    if given is None or url is None or (job.stream != "bulk" and given.get("unsubscribe_url")):
        return given or {}
    return {**given, "unsubscribe_url": url}


def _body(content: Content, files: Data, mark: str) -> mime.Part:
    """The body as one part; `mark` makes its boundaries the email's own.

    mixed(alternative(text, related(html, inline images)), attachments), of these what is needed.
    """
    inline = [item for item in content.attachments if item.cid] if content.html is not None else []
    beside = [item for item in content.attachments if item not in inline]
    parts = [
        mime.text_part(subtype, body)
        for subtype, body in (("plain", content.text), ("html", content.html))
        if body is not None
    ]
    if inline:
        root = [parts[-1], *(file_part(item, files[item.file_id], inline=True) for item in inline)]
        # RFC 2387 §3.1: the type of its root
        parts[-1] = mime.multipart("related", root, f"=_mr_{mark}", 'type="text/html"')
    body = parts[0] if len(parts) == 1 else mime.multipart("alternative", parts, f"=_mm_{mark}")
    if not beside:
        return body
    attached = (file_part(item, files[item.file_id], inline=False) for item in beside)
    return mime.multipart("mixed", [body, *attached], f"=_mx_{mark}")
