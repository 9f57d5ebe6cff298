"""A job → the message as it goes over the wire. The same job always gives the same bytes.

Bcc recipients are in the envelope and nowhere else. Gateways have checked names and values; a line break in
one would still be refused here, because what is stored is not to be trusted with a message's structure.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from services.sender import headers, mime, raw, raw_tracked
from services.sender.file_parts import file_part
from services.sender.jobs import Job
from services.sender.message import Message
from services.sender.plan import text_plan
from services.sender.unsubscribing import bulk_headers, ways
from shared import templates
from shared.unsubscribe_mail import mailto

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
        return raw_tracked.tracked(raw.render(job, files[job.content.raw.file_id]), job.reader)
    url = job.unsubscribe_url()
    values = job.values(url)
    lines = [headers.address_field("From", [job.sender])]
    for name, kind in (("To", "to"), ("Cc", "cc")):
        shown = [(item.name, item.address) for item in job.recipients if item.kind == kind]
        if shown:
            lines.append(headers.address_field(name, shown))
    if job.reply_to:
        lines.append(headers.address_field("Reply-To", job.reply_to))
    lines += [
        headers.field("Subject", subject(job, values)),
        f"Date: {_date(job.wanted_at.replace(microsecond=0))}",
        f"Message-ID: {job.message_id}",
        *(headers.field(name, value) for name, value in _custom_headers(job, url)),
        "MIME-Version: 1.0",
    ]
    part_head, body = body_part(job, values, files)
    lines += part_head
    return Message(lines, body)


def _custom_headers(job: Job, url: str | None) -> list[tuple[str, str]]:
    """Those that its sender gave, and for bulk mail the ones of one click."""
    if url is None or job.stream != "bulk":
        return job.headers
    return bulk_headers(
        job.headers,
        unsubscribe_ways(job, url),
        domain=_domain(job),
        account_id=job.account_id,
        campaign_id=job.campaign_id,
    )


def unsubscribe_ways(job: Job, url: str) -> str:
    """What `List-Unsubscribe` says: the one click, and a mail where we would get it."""
    return ways(url, mailto(_domain(job), url) if job.return_path else None)


def _domain(job: Job) -> str:
    return job.sender[1].rpartition("@")[2]


def subject(job: Job, values: Mapping[str, Any]) -> str:
    """As its reader sees it."""
    if job.variables is None:
        return job.content.subject
    return templates.parse(job.content.subject).render_line(values)


def _texts(job: Job, values: Mapping[str, Any]) -> list[mime.Part]:
    """Its text and its HTML, of these what it has: variables filled in and escaped, links led over us."""
    content, is_template = job.content, job.variables is not None
    sources = [
        (text, html) for text, html in ((content.text, False), (content.html, True)) if text is not None
    ]
    if not is_template and not _tracks(job):
        return [mime.text_part("html" if html else "plain", text) for text, html in sources]
    return [
        text_plan(text, html=html, template=is_template).part(values, job.reader) for text, html in sources
    ]


def _tracks(job: Job) -> bool:
    return job.reader is not None and (job.reader.opens or job.reader.clicks)


@lru_cache(maxsize=1_024)
def _date(moment: datetime) -> str:
    """As `Date` has it; a campaign's emails share it by the thousand."""
    return format_datetime(moment)


def body_part(job: Job, values: Mapping[str, Any], files: Data) -> mime.Part:
    """The body as one part, whose boundaries are the email's own.

    mixed(alternative(text, related(html, inline images)), attachments), of these what is needed.
    """
    content, mark = job.content, job.email_id.replace("-", "")
    inline = [item for item in content.attachments if item.cid] if content.html is not None else []
    beside = [item for item in content.attachments if item not in inline]
    parts = _texts(job, values)
    if inline:
        root = [parts[-1], *(file_part(item, files[item.file_id], inline=True) for item in inline)]
        # RFC 2387 §3.1: the type of its root
        parts[-1] = mime.multipart("related", root, f"=_mr_{mark}", 'type="text/html"')
    body = parts[0] if len(parts) == 1 else mime.multipart("alternative", parts, f"=_mm_{mark}")
    if not beside:
        return body
    attached = (file_part(item, files[item.file_id], inline=False) for item in beside)
    return mime.multipart("mixed", [body, *attached], f"=_mx_{mark}")
