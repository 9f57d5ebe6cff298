"""Rendered messages, read back by the standard library's parser."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import cast
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sender.jobs import Content, Job, Recipient
from services.sender.render import render

CONTENT = Content(subject="Grüße aus Köln ✓", html="<p>Héllo</p>", text="Héllo")
JOB = Job(
    email_id=UUID("01a20891-91c7-74df-ba63-d38d9947147c"),
    account_id=UUID(int=1),
    attempt=1,
    stream="transactional",
    message_id="<01a20891-91c7-74df-ba63-d38d9947147c@example.test>",
    wanted_at=datetime(2026, 6, 1, 9, tzinfo=UTC),
    request_id=None,
    test=False,
    sender=("Zoë Ünal", "hello@example.test"),
    reply_to=[(None, "support@example.test"), ("Zoë", "z@example.test")],
    headers=[("X-Order", "42")],
    variables=None,
    content_id=UUID(int=2),
    content=CONTENT,
    recipients=[
        Recipient(0, "to", "ann@example.test", "Ann", "queued", True),
        Recipient(1, "cc", "carl@example.test", None, "queued", True),
        Recipient(2, "bcc", "secret@example.test", None, "queued", True),
    ],
)


def raw(job: Job) -> bytes:
    return b"".join(render(job, {}).stream())


def parsed(content: Content) -> EmailMessage:
    message = raw(dataclasses.replace(JOB, content=content))
    return cast(EmailMessage, message_from_bytes(message, policy=policy.default))


def body(message: EmailMessage, subtype: str) -> str:
    part = message.get_body((subtype,))
    assert part is not None
    return cast(str, part.get_content())


def test_headers_say_what_was_asked() -> None:
    message = parsed(CONTENT)
    assert message["From"] == "Zoë Ünal <hello@example.test>"
    assert message["To"] == "Ann <ann@example.test>"
    assert message["Cc"] == "carl@example.test"
    assert message["Reply-To"] == "support@example.test, Zoë <z@example.test>"
    assert message["Subject"] == "Grüße aus Köln ✓"
    assert message["Date"] == "Mon, 01 Jun 2026 09:00:00 +0000"
    assert message.get_all("Message-ID") == [JOB.message_id]
    assert message["X-Order"] == "42"
    assert not message.defects


def test_bcc_recipient_is_nowhere_in_the_message() -> None:
    assert b"secret" not in raw(JOB)


def test_html_and_text_are_alternatives_plainest_first() -> None:
    message = parsed(CONTENT)
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]


def test_text_alone_is_a_single_part() -> None:
    assert parsed(dataclasses.replace(CONTENT, html=None)).get_content_type() == "text/plain"


def test_same_job_renders_to_the_same_bytes() -> None:
    assert render(JOB, {}) == render(JOB, {})


@given(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0"), min_size=1, max_size=3000)
)
def test_any_body_comes_through_on_short_7bit_lines(text: str) -> None:
    content = dataclasses.replace(CONTENT, text=text, html=None)
    message = raw(dataclasses.replace(JOB, content=content))
    assert message.isascii()
    assert message.endswith(b"\r\n")
    lines = message.split(b"\r\n")
    assert max(map(len, lines)) <= 998
    assert not any(b"\n" in line or b"\r" in line for line in lines)
    expected = text if text.endswith("\n") else text + "\n"
    part = message_from_bytes(message, policy=policy.default)
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    assert payload.decode().replace("\r\n", "\n") == expected


@pytest.mark.parametrize("text", ["x" * 5000, "é" * 5000, "日本語" * 2000, ".\n..\n", "trailing \t\nspace "])
def test_awkward_bodies_come_through(text: str) -> None:
    message = parsed(dataclasses.replace(CONTENT, text=text))
    assert body(message, "plain").replace("\r\n", "\n").rstrip("\n") == text.rstrip("\n")
