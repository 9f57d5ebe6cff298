"""The message as it comes over the wire, read by a parser that had no part in composing it."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from typing import Any

from tests.fixtures.api import Client
from tests.fixtures.relay import Received, Relay
from tests.fixtures.tracking import without_pixel
from tests.fixtures.waiting import wait_for

#: Longest line of a message, without its end, in octets (RFC 5322 §2.1.1).
LONGEST = 998


def received(api: Client, relay: Relay, **fields: Any) -> Received:
    """What arrives when this is sent."""
    message_id = api.send(**fields)["message_id"]
    (message,) = wait_for(lambda: relay.received(message_id), "the email to arrive")
    assert message.message["Message-ID"] == message_id
    return message


def addresses(message: EmailMessage, header: str) -> list[tuple[str, str]]:
    """(display name, address) pairs of an address header."""
    found: tuple[Address, ...] = message[header].addresses
    return [(item.display_name, item.addr_spec) for item in found]


def content(message: EmailMessage, kind: str) -> str:
    """The decoded text of the part of this subtype."""
    part = message.get_body((kind,))
    assert isinstance(part, EmailMessage)
    return str(part.get_content())


def test_headers_say_what_was_asked(api: Client, relay: Relay) -> None:
    before = datetime.now(UTC) - timedelta(seconds=2)
    got = received(
        api,
        relay,
        **{"from": f"Löwe & Söhne <{api.sender}>"},
        to=["Ada Lovelace <ada@example.com>", "grace@example.com"],
        cc="山田太郎 <taro@example.com>",
        bcc=["hidden@example.com"],
        reply_to=['"Help, Desk" <help@example.com>', "desk@example.com"],
        subject="Grüße aus 東京 🚀",
        headers={"X-Order": "1234", "X-Note": "naïve ✓"},
    )
    message = got.message
    assert addresses(message, "From") == [("Löwe & Söhne", api.sender)]
    assert addresses(message, "To") == [("Ada Lovelace", "ada@example.com"), ("", "grace@example.com")]
    assert addresses(message, "Cc") == [("山田太郎", "taro@example.com")]
    assert addresses(message, "Reply-To") == [
        ("Help, Desk", "help@example.com"),
        ("", "desk@example.com"),
    ]
    assert message["Subject"] == "Grüße aus 東京 🚀"
    assert message["X-Order"] == "1234"
    assert message["X-Note"] == "naïve ✓"
    assert before <= message["Date"].datetime <= datetime.now(UTC) + timedelta(seconds=2)
    assert message["MIME-Version"] == "1.0"
    for name in ("From", "To", "Cc", "Reply-To", "Subject", "Date", "Message-ID", "MIME-Version"):
        assert len(message.get_all(name, [])) == 1, name
    assert not message.defects


def test_bcc_is_in_the_envelope_and_nowhere_in_the_message(api: Client, relay: Relay) -> None:
    hidden = f"{uuid.uuid4().hex}@example.com"
    got = received(api, relay, to="ada@example.com", bcc=[hidden])
    assert set(got.recipients) == {"ada@example.com", hidden}
    assert hidden.encode() not in got.raw
    assert got.message["Bcc"] is None


def test_parts_are_alternatives_with_the_html_last(api: Client, relay: Relay) -> None:
    message = received(api, relay, text="Grüße\n", html="<p>Grüße 🚀</p>").message
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert content(message, "plain").strip() == "Grüße"
    assert without_pixel(content(message, "html")).strip() == "<p>Grüße 🚀</p>"


def test_one_body_is_no_multipart(api: Client, relay: Relay) -> None:
    plain = received(api, relay, text="only text").message
    assert (plain.get_content_type(), plain.get_content().strip()) == ("text/plain", "only text")
    html = received(api, relay, text="", html="<p>only html</p>").message
    shown = without_pixel(html.get_content()).strip()
    assert (html.get_content_type(), shown) == ("text/html", "<p>only html</p>")


def test_no_line_is_longer_than_a_line_may_be(api: Client, relay: Relay) -> None:
    long = "ü" * 40_000
    got = received(
        api,
        relay,
        subject="x " * 450,
        text=long,
        html=f"<p>{long}</p>",
        to=[f"{'n' * 50} {n} <a{n}@example.com>" for n in range(50)],
        headers={"X-Long": "y " * 490},
    )
    assert max(len(line) for line in got.raw.split(b"\r\n")) <= LONGEST
    assert b"\n" not in got.raw.replace(b"\r\n", b"")
    assert content(got.message, "plain").strip() == long
    assert without_pixel(content(got.message, "html")).strip() == f"<p>{long}</p>"
    assert got.message["Subject"].split() == ["x"] * 450
    assert got.message["X-Long"].split() == ["y"] * 490
    assert len(addresses(got.message, "To")) == 50


def test_headers_are_ascii_when_the_addresses_are(api: Client, relay: Relay) -> None:
    got = received(api, relay, subject="Grüße", **{"from": f"Jürgen <{api.sender}>"})
    head = got.raw.partition(b"\r\n\r\n")[0]
    assert head.isascii()
    assert "SMTPUTF8" not in got.options


def test_smtputf8_is_asked_for_when_an_address_needs_it_and_only_then(api: Client, relay: Relay) -> None:
    got = received(api, relay, to="jürgen@example.com")
    assert "SMTPUTF8" in got.options
    assert got.recipients == ["jürgen@example.com"]
    assert "\r\nTo: jürgen@example.com\r\n" in got.raw.decode()


def test_domain_beyond_ascii_travels_as_a_label(api: Client, relay: Relay) -> None:
    got = received(api, relay, to="ada@bücher.example")
    assert got.recipients == ["ada@xn--bcher-kva.example"]
    assert "SMTPUTF8" not in got.options


def test_dots_and_line_ends_of_a_body_survive(api: Client, relay: Relay) -> None:
    text = ".\r\n..\n.\r\rlast\n\n."
    got = content(received(api, relay, text=text).message, "plain")
    assert got.splitlines()[:2] == [".", ".."]
    assert got.rstrip().endswith(".")
    assert "last" in got


def test_return_path_is_an_address_of_the_senders_domain(api: Client, relay: Relay) -> None:
    assert received(api, relay).sender.rpartition("@")[2] == api.domain
