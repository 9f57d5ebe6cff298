"""Tracking in messages that came as a whole: what a reader sees changes, what is sealed does not."""

from __future__ import annotations

import base64
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import cast
from uuid import UUID

import pytest

from services.sender.message import Message
from services.sender.pieces import Octets
from services.sender.raw_tracked import tracked
from services.sender.tracked import Reader
from shared.mime_tree import split
from shared.tracking import Tokens, TrackingUrls, whom

_KEY = base64.urlsafe_b64encode(bytes(32)).decode()
READER = Reader(TrackingUrls("https://t.test", Tokens([_KEY])), whom(UUID(int=5), 0), opens=True, clicks=True)
HTML = '<html><body><p>Grüße</p><a href="https://example.com/?a=1&amp;b=2">x</a></body></html>'


def shown(raw: bytes, reader: Reader | None = READER) -> bytes:
    fields, at = split(raw)
    return b"".join(tracked(Message(fields, [Octets(raw, at)]), reader).stream())


def parsed(raw: bytes) -> EmailMessage:
    return cast(EmailMessage, message_from_bytes(raw, policy=policy.default))


def octets(message: EmailMessage) -> bytes:
    return message.as_bytes(policy=policy.SMTP)


def html_of(raw: bytes) -> str:
    part = parsed(raw).get_body(("html",))
    assert part is not None
    return cast(str, part.get_content())


@pytest.mark.parametrize("encoding", ["quoted-printable", "base64", "8bit"])
@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1"])
@pytest.mark.parametrize("whole", [True, False], ids=["alone", "in parts"])
def test_html_of_any_encoding_has_its_links_led_over_us(encoding: str, charset: str, *, whole: bool) -> None:
    message = EmailMessage()
    if whole:
        message.set_content(HTML, subtype="html", cte=encoding, charset=charset)
    else:
        message.set_content("See https://example.com/")
        message.add_alternative(HTML, subtype="html", cte=encoding, charset=charset)
        message.add_attachment(b"\0\xff" * 100, maintype="image", subtype="png", filename="a.png")
    raw = octets(message)
    found = shown(raw)
    assert found.isascii() or encoding == "8bit"
    assert found.endswith(b"\r\n")
    html = html_of(found)
    assert '<a href="https://t.test/api/t/c/' in html
    assert '<img src="https://t.test/api/t/o/' in html
    assert html.startswith("<html><body><p>Grüße</p>")
    if not whole:
        assert "See https://example.com/" in found.decode("latin-1")
        assert raw.partition(b"image/png")[2] == found.partition(b"image/png")[2]


def test_text_is_tracked_where_it_is_asked_for() -> None:
    raw = b"Content-Type: text/plain\r\n\r\nSee https://example.com/ now.\r\n"
    assert shown(raw) == raw
    assert b"See https://t.test/api/t/c/" in shown(raw, READER._replace(text=True))


SIGNED = """Content-Type: multipart/signed; boundary="s"\r
\r
--s\r
Content-Type: text/html\r
\r
<a href="https://example.com/">x</a>\r
--s\r
Content-Type: application/pgp-signature\r
\r
sig\r
--s--\r
"""


@pytest.mark.parametrize(
    "raw",
    [
        SIGNED,
        SIGNED.replace("multipart/signed", "multipart/encrypted"),
        f"Content-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\n{SIGNED}--m--\r\n",
        f"Content-Type: message/rfc822\r\n\r\nContent-Type: text/html\r\n\r\n{HTML}\r\n",
        f"Content-Type: text/html\r\nContent-Disposition: attachment\r\n\r\n{HTML}\r\n",
        f"Content-Type: text/html; charset=nonsense\r\n\r\n{HTML}\r\n",
        f"Content-Type: text/html; charset=us-ascii\r\n\r\n{HTML}\r\n",
        f"Content-Type: text/html\r\nContent-Transfer-Encoding: x-uuencode\r\n\r\n{HTML}\r\n",
        "Content-Type: text/html\r\n\r\n-----BEGIN PGP SIGNED MESSAGE-----\r\nhttps://example.com\r\n",
        "Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: base64\r\n\r\nMIAG\r\n",
        "Content-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\nX: \udcff\r\n\r\n--m--\r\n",
    ],
    ids=lambda raw: raw[:60],
)
def test_what_is_sealed_or_not_understood_goes_out_as_it_came(raw: str) -> None:
    data = raw.encode("utf-8", "surrogateescape")
    assert shown(data, READER._replace(text=True)) == data


def test_nothing_changes_where_nothing_is_tracked() -> None:
    raw = f"Content-Type: text/html; charset=utf-8\r\n\r\n{HTML}\r\n".encode()
    assert shown(raw, None) == raw
    assert shown(raw, READER._replace(opens=False, clicks=False)) == raw
