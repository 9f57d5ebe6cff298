"""Messages that came as a whole: what changes of them on their way out, and what never does."""

from __future__ import annotations

import base64
import dataclasses
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import cast
from uuid import UUID

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from services.sender.dkim import Signer
from services.sender.headers import HeaderInjection
from services.sender.jobs import Content, Job, RawFile
from services.sender.message import Message
from services.sender.pieces import Octets, Stream, blocks
from services.sender.render import render
from services.sender.seven_bit import CantConvert, seven_bit
from shared.mime_tree import split
from tests.unit.sender.test_render import JOB

ID = UUID(int=7)
OWN = "<own@client.test>"


def job(**fields: object) -> Job:
    content = Content("Hi", None, None, raw=RawFile(ID, 0))
    return dataclasses.replace(JOB, content=content, **fields)  # type: ignore[arg-type]


def sent(data: bytes, **fields: object) -> bytes:
    return b"".join(render(job(**fields), {ID: data}).stream())


def parsed(data: bytes) -> EmailMessage:
    return cast(EmailMessage, message_from_bytes(data, policy=policy.default))


def mail(*lines: str, body: str = "Hi\r\n") -> bytes:
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def test_a_complete_message_goes_out_to_the_last_byte_as_it_came() -> None:
    whole = mail(
        "Received: from a by b; today",
        "From:  Ann\t<ann@example.test>",
        "To: Ben\r\n  <ben@example.test>",
        "DATE: Mon, 1 Jun 2026 09:00:00 +0000",
        f"Message-Id:   {OWN}",
        "X-Odd:\ttabs  and   spaces ",
        body="Hi\r\n.\r\n\r\n\r\n",
    )
    assert sent(whole, message_id=OWN) == whole


def test_what_is_for_us_alone_is_taken_out_and_nothing_else() -> None:
    whole = mail(
        "Return-Path: <x@y.test>",
        "From: ann@example.test",
        "BCC: secret@example.test,\r\n other@example.test",
        "X-Mailmatic-Tag: a",
        "x-mailmatic-anything: b",
        "Idempotency-Key: k",
        "X-Bcc-Like: stays",
        "Date: now",
        f"Message-ID: {OWN}",
    )
    assert sent(whole, message_id=OWN) == mail(
        "From: ann@example.test", "X-Bcc-Like: stays", "Date: now", f"Message-ID: {OWN}"
    )


@pytest.mark.parametrize("start", [b"Subject: Hi\r\n\r\n", b"\r\n", b"Subject: Hi\r\n"])
def test_what_every_message_needs_is_added_where_it_is_missing(start: bytes) -> None:
    message = parsed(sent(start))
    assert message["From"] == "Zoë Ünal <hello@example.test>"
    assert message["Message-ID"] == JOB.message_id
    assert message["Date"] == "Mon, 01 Jun 2026 09:00:00 +0000"
    assert message.defects == []


def test_a_message_id_that_is_none_gives_way_to_ours() -> None:
    message = parsed(sent(mail("From: a@example.test", "Message-ID: not an id")))
    assert message.get_all("Message-ID") == [JOB.message_id]


def test_headers_that_are_not_utf8_are_refused() -> None:
    with pytest.raises(HeaderInjection):
        sent(b"Subject: \xff\r\n\r\nHi\r\n")


@pytest.mark.parametrize("subject", ["Hi", "Grüße\u00a0", "a\t b  c\t", "two\r\n\tlines\r\n  and three"])
def test_the_signature_over_a_message_as_it_came_verifies(subject: str) -> None:
    key = generate_private_key(65537, 2048)
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    whole = mail("From: a@example.test", f"Subject: {subject}", body="Grüße\r\n\r\n\r\n")
    message = render(job(), {ID: whole}).signed([Signer("example.test", "s1", key)], 1)
    record = b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)
    assert dkim.verify(b"".join(message.stream()), dnsfunc=lambda *_, **__: record)


@given(st.binary(max_size=300))
def test_splitting_loses_nothing(data: bytes) -> None:
    fields, at = split(data)
    head = "\r\n".join(fields).encode("utf-8", "surrogateescape")
    assert data.startswith(head)
    assert data[len(head) : at].strip(b"\r\n") == b""


def test_octets_are_read_in_place_and_in_blocks() -> None:
    data = bytearray(b"head" + b"x" * 200_000)
    piece = Octets(data, 4)
    assert b"".join(piece) == data[4:]
    assert len(Stream([b"a", piece])) == 200_001
    assert piece.isascii()
    assert not Stream([b"H: x\r\n\r\n", Octets("ä".encode())]).body_isascii()
    assert Stream(["H: ä\r\n\r\nbody".encode()]).body_isascii()


def message(fields: list[str], body: str) -> Message:
    return Message(fields, [Octets(body.encode())])


def converted(fields: list[str], body: str) -> EmailMessage:
    found = seven_bit(message(fields, body))
    raw = b"".join(found.stream())
    assert raw.isascii()
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    return parsed(raw)


TWO = [
    "--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGrüße\r\n",
    "--b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n--b--\r\n",
]


def test_a_relay_without_8bitmime_gets_the_same_text_in_seven_bits() -> None:
    fields = ["Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit", "Subject: Hi"]
    found = converted(fields, "Grüße aus Köln\r\n" * 3)
    assert found.get_content().replace("\r\n", "\n") == "Grüße aus Köln\n" * 3
    assert found["Subject"] == "Hi"


def test_only_the_8_bit_part_of_several_is_encoded_anew() -> None:
    fields = ['Content-Type: multipart/mixed; boundary="b"', "Content-Transfer-Encoding: 8bit"]
    body = "preamble\r\n" + "".join(TWO)
    raw = b"".join(blocks(seven_bit(message(fields, body)).body))
    assert raw.startswith(b"preamble\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n")
    assert raw.endswith(TWO[1].encode())
    text, image = converted(fields, body).iter_parts()
    assert text.get_content().rstrip() == "Grüße"
    assert image.get_content() == b"\x89PNG\r\n\x1a\n"


def test_a_message_in_a_message_is_converted_too() -> None:
    inner = "Subject: in\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nGrüße\r\n"
    found = converted(["Content-Type: message/rfc822", "Content-Transfer-Encoding: 8bit"], inner)
    assert cast(EmailMessage, found.get_content()).get_content().rstrip() == "Grüße"


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        (["Content-Type: multipart/signed; boundary=b"], "".join(TWO)),
        (["Content-Type: multipart/encrypted; boundary=b"], "".join(TWO)),
        (["Content-Type: multipart/mixed; boundary=b"], "ä\r\n" + "".join(TWO)),
        (
            ["Content-Type: multipart/mixed; boundary=b"],
            "--b\r\nContent-Description: ä\r\n\r\nä\r\n--b--\r\n",
        ),
        (["Content-Type: text/plain", "Content-Transfer-Encoding: quoted-printable"], "ä=3D\r\n"),
    ],
    ids=["signed", "encrypted", "between parts", "in a part's headers", "said to be encoded"],
)
def test_what_cant_be_converted_without_harm_is_refused(fields: list[str], body: str) -> None:
    with pytest.raises(CantConvert):
        seven_bit(message(fields, body))


def test_a_signed_part_of_seven_bits_stays_while_one_beside_it_is_converted() -> None:
    signed = (
        'Content-Type: multipart/signed; boundary="s"\r\n\r\n--s\r\n\r\nplain \r\n--s\r\n\r\nsig\r\n--s--\r\n'
    )
    body = f"--b\r\n{signed}\r\n--b\r\n\r\nGrüße\r\n--b--\r\n"
    raw = b"".join(blocks(seven_bit(message(["Content-Type: multipart/mixed; boundary=b"], body)).body))
    assert signed.encode() in raw


def test_a_message_of_a_thousand_nested_parts_is_read_within_bounds() -> None:
    opened = "".join(
        f"--b{depth}\r\nContent-Type: multipart/mixed; boundary=b{depth + 1}\r\n\r\n" for depth in range(1000)
    )
    with pytest.raises(CantConvert):
        seven_bit(message(["Content-Type: multipart/mixed; boundary=b0"], opened + "ä\r\n"))
