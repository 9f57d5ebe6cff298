"""Messages with attachments, read back by the standard library's parser and checked by dkimpy."""

from __future__ import annotations

import base64
import dataclasses
import tracemalloc
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import cast
from uuid import UUID

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from hypothesis import given
from hypothesis import strategies as st

from services.sender.dkim import Signer
from services.sender.files import FileMissing, Files
from services.sender.headers import HeaderInjection
from services.sender.jobs import Attachment, Content
from services.sender.render import render
from tests.unit.sender.test_render import JOB

MEGABYTE = 1024 * 1024
LOGO = Attachment(UUID(int=11), 3, "logo.png", "image/png", "logo")
PDF = Attachment(UUID(int=12), 300, "Rechnung für Zoë ✓.pdf", "application/pdf", None)
CSV = Attachment(UUID(int=13), 0, "empty.csv", "text/csv; charset=utf-8", None)
FILES = {UUID(int=11): b"\x89PN", UUID(int=12): bytes(range(100)) * 3, UUID(int=13): b""}
KEY = ed25519.Ed25519PrivateKey.generate()
FILENAME = st.text(
    st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters="/\\"),
    min_size=1,
    max_size=255,
)


def raw(content: Content) -> bytes:
    """What goes over the wire."""
    return b"".join(render(dataclasses.replace(JOB, content=content), FILES).stream())


def parsed(content: Content) -> EmailMessage:
    message = cast(EmailMessage, message_from_bytes(raw(content), policy=policy.default))
    assert not [part.defects for part in message.walk() if part.defects]
    return message


def shape(part: EmailMessage) -> object:
    """The types of a message, nested as its parts are."""
    if not part.is_multipart():
        return part.get_content_type()
    return (
        part.get_content_subtype(),
        *(shape(cast(EmailMessage, inner)) for inner in part.iter_parts()),
    )


ALTERNATIVE_RELATED = ("alternative", "text/plain", ("related", "text/html", "image/png"))


@pytest.mark.parametrize(
    ("html", "text", "attachments", "expected"),
    [
        (None, "x", (PDF,), ("mixed", "text/plain", "application/pdf")),
        ("x", None, (PDF,), ("mixed", "text/html", "application/pdf")),
        ("x", None, (LOGO,), ("related", "text/html", "image/png")),
        ("x", "x", (LOGO,), ALTERNATIVE_RELATED),
        ("x", "x", (PDF, LOGO, CSV), ("mixed", ALTERNATIVE_RELATED, "application/pdf", "text/csv")),
        (None, "x", (LOGO,), ("mixed", "text/plain", "image/png")),
    ],
)
def test_parts_are_nested_as_readers_expect(
    html: str | None, text: str | None, attachments: tuple[Attachment, ...], expected: object
) -> None:
    assert shape(parsed(Content("Hi", html, text, attachments))) == expected


def test_files_come_through_with_their_names_types_and_ids() -> None:
    message = parsed(Content("Hi", '<img src="cid:logo">', "Hi", (LOGO, PDF, CSV)))
    (logo,) = [part for part in message.walk() if part["Content-ID"]]
    assert (logo["Content-ID"], logo.get_content_disposition()) == ("<logo>", "inline")
    pdf, csv = message.iter_attachments()
    assert pdf.get_filename() == "Rechnung für Zoë ✓.pdf"
    assert pdf.get_content_disposition() == "attachment"
    assert csv["Content-Type"].params["charset"] == "utf-8"
    found = [part.get_payload(decode=True) for part in (logo, pdf, csv)]
    assert found == list(FILES.values())


@given(FILENAME)
def test_any_file_name_comes_through_on_short_ascii_lines(name: str) -> None:
    content = Content("Hi", None, "Hi", (dataclasses.replace(PDF, filename=name),))
    assert raw(content).isascii()
    lines = raw(content).split(b"\r\n")
    assert max(map(len, lines)) <= (998 if name.isascii() else 100)
    message = message_from_bytes(raw(content))  # the older of the parsers, which takes names as they are
    (_, attached) = cast(list[EmailMessage], message.get_payload())
    assert attached.get_filename() == name.strip()  # as that parser gives it


@pytest.mark.parametrize("field", ["filename", "content_type", "cid"])
def test_what_would_break_out_of_its_line_is_refused(field: str) -> None:
    wicked = dataclasses.replace(PDF, **{field: "x\r\nX-Evil: 1"})
    with pytest.raises(HeaderInjection):
        raw(Content("Hi", None, "Hi", (wicked,)))


def test_signature_covers_the_files() -> None:
    job = dataclasses.replace(JOB, content=Content("Hi", "<p>x</p>", "x", (LOGO, PDF)))
    message = render(job, FILES).signed([Signer("example.test", "mm1", KEY)], 1_780_000_000)
    record = b"v=DKIM1; k=ed25519; p=" + base64.b64encode(KEY.public_key().public_bytes_raw())
    sent = b"".join(message.stream())
    encoded = base64.b64encode(FILES[PDF.file_id])[:40]
    assert encoded in sent
    for received, good in ((sent, True), (sent.replace(encoded, encoded[::-1]), False)):
        assert dkim.verify(received, dnsfunc=lambda name, timeout=5: record) is good


def test_rendering_signing_and_sending_a_large_file_copies_none_of_it() -> None:
    data = bytearray(20 * MEGABYTE)
    content = Content("Hi", "<p>x</p>", "x", (dataclasses.replace(PDF, size=len(data)),))
    job = dataclasses.replace(JOB, content=content)
    tracemalloc.start()
    try:
        message = render(job, {PDF.file_id: data}).signed([Signer("example.test", "mm1", KEY)], 1)
        sent = sum(map(len, message.stream()))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sent > 27 * MEGABYTE
    assert peak < MEGABYTE


def test_a_file_is_read_once_while_emails_share_it_and_let_go_of_before_the_next_is_read() -> None:
    asked: list[UUID] = []

    def read(id: UUID, size: int) -> bytearray:
        asked.append(id)
        return bytearray(size)

    files = Files(read)
    first = files.of([PDF])[PDF.file_id]
    assert files.of([PDF, PDF])[PDF.file_id] is first
    assert set(files.of([LOGO, PDF])) == {LOGO.file_id, PDF.file_id}
    assert set(files.of([CSV])) == {CSV.file_id}
    files.of([PDF])
    assert asked == [PDF.file_id, LOGO.file_id, CSV.file_id, PDF.file_id]


def test_a_missing_file_is_said_to_be_missing() -> None:
    def read(id: UUID, size: int) -> bytearray:
        raise FileMissing(id)

    with pytest.raises(FileMissing):
        Files(read).of([PDF])
