"""What becomes of a message that is handed over by SMTP."""

from __future__ import annotations

import re
import smtplib
import uuid
from datetime import timedelta
from email.message import EmailMessage

import pytest

from shared.clock import iso, now
from tests.fixtures.api import Client
from tests.fixtures.database import Database
from tests.fixtures.relay import Received, Relay
from tests.fixtures.submission import Door
from tests.fixtures.waiting import wait_for

_OK = re.compile(r"250 2\.0\.0 Ok id=([0-9a-f-]{36}) message-id=(<.+>)")


def somebody(mood: str = "somebody") -> str:
    return f"{mood}@{uuid.uuid4().hex}.example.com"


def letter(door: Door, to: str, **headers: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = f"Zoë <{door.sender}>", to, "Grüße"
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content("Grüße aus Köln\n.\n..dots\n")
    return message


def octets(message: EmailMessage) -> bytes:
    return message.as_bytes(policy=message.policy.clone(linesep="\r\n"))


def submit(
    door: Door, recipients: list[str], message: bytes, options: tuple[str, ...] = ()
) -> tuple[str, str]:
    """Hands it over; returns our id and the Message-ID of the reply."""
    with door.client() as smtp:
        assert smtp.mail(door.sender, options)[0] == 250
        for address in recipients:
            assert smtp.rcpt(address) == (250, b"2.1.5 Go on")
        code, words = smtp.data(message)
    found = _OK.fullmatch(f"{code} {words.decode()}")
    assert found, words
    return found[1], found[2]


def arrived(relay: Relay, message_id: str) -> Received:
    wait_for(lambda: relay.received(message_id), "the message to arrive")
    (received,) = relay.received(message_id)
    return received


def refused(door: Door, message: bytes) -> str:
    with door.client() as smtp, pytest.raises(smtplib.SMTPDataError) as error:
        smtp.sendmail(door.sender, [somebody()], message)
    return f"{error.value.smtp_code} {bytes(error.value.smtp_error).decode()}"  # type: ignore[arg-type]


def test_a_message_arrives_as_it_was_handed_over_and_the_api_shows_it(
    door: Door, api: Client, relay: Relay
) -> None:
    to, hidden = somebody(), somebody()
    message = letter(door, f"Ann <{to}>", Bcc=hidden, X_Order="42")
    message.add_attachment(b"\x00\xff" * 1000, maintype="application", subtype="pdf", filename="ä.pdf")
    raw = octets(message)
    id, message_id = submit(door, [to, hidden], raw)
    received = arrived(relay, message_id)
    assert received.recipients == [to, hidden]
    head, _, body = received.raw.partition(b"\r\n\r\n")
    assert body == raw.partition(b"\r\n\r\n")[2]
    assert hidden.encode() not in received.raw
    assert b"DKIM-Signature: v=1" in head
    assert received.message["Message-ID"] == message_id == f"<{id}@{api.domain}>"
    assert received.message["X-Order"] == "42"
    assert received.message["Date"]
    shown = api.wait_for_status(id, "sent")
    assert (shown["from"], shown["subject"]) == (door.sender, "Grüße")
    assert [(item["address"], item["kind"], item["name"]) for item in shown["recipients"]] == [
        (to, "to", "Ann"),
        (hidden, "bcc", None),
    ]
    assert api.get("/api/logs", params={"search": to}).json()["logs"][0]["id"] == id


def test_a_message_id_of_the_client_is_kept_and_told(door: Door, api: Client, relay: Relay) -> None:
    own = f"<{uuid.uuid4()}@client.test>"
    id, message_id = submit(door, [to := somebody()], octets(letter(door, to, Message_ID=own)))
    assert message_id == own
    assert arrived(relay, own).message.get_all("Message-ID") == [own]
    assert api.email(id)["message_id"] == own


def test_eight_bits_and_utf8_headers_arrive_as_they_are(door: Door, relay: Relay) -> None:
    to = somebody("jürgen")
    raw = f"From: {door.sender}\r\nTo: {to}\r\nSubject: Grüße ✓\r\n\r\nÄÖÜ\r\n".encode()
    with door.client() as smtp:
        smtp.ehlo()
        assert smtp.mail(door.sender, ("SMTPUTF8", "BODY=8BITMIME"))[0] == 250
        smtp.putcmd("RCPT", f"TO:<{to}>") if to.isascii() else smtp.send(f"RCPT TO:<{to}>\r\n".encode())
        assert smtp.getreply()[0] == 250
        code, words = smtp.data(raw)
    found = _OK.fullmatch(f"{code} {words.decode()}")
    assert found, words
    received = arrived(relay, found[2])
    assert received.raw.endswith("ÄÖÜ\r\n".encode())
    assert "Subject: Grüße ✓\r\n".encode() in received.raw
    assert {"SMTPUTF8", "BODY=8BITMIME"} <= set(received.options)


def test_what_the_headers_ask_for_is_done_and_nobody_else_sees_it(
    door: Door, api: Client, relay: Relay, database: Database
) -> None:
    to, later = somebody(), now() + timedelta(hours=1)
    message = letter(
        door,
        to,
        X_Mailmatic_Tag='welcome, "odd\\ tag"',
        X_Mailmatic_Track="opens",
        X_Mailmatic_Send_At=iso(later),
    )
    id, _ = submit(door, [to], octets(message))
    assert api.email(id)["status"] == "scheduled"
    ((tags, opens, clicks),) = database.all(
        "SELECT tags, track_opens, track_clicks FROM emails WHERE id = :id", id=id
    )
    assert (tags, opens, clicks) == (["welcome", '"odd\\ tag"'], True, False)
    assert api.request("DELETE", f"/api/emails/{id}").ok
    _, message_id = submit(door, [to], octets(letter(door, to, X_Mailmatic_Tag="a")))
    assert b"mailmatic-tag" not in arrived(relay, message_id).raw.lower()


def test_links_are_led_over_us_where_the_message_asks_for_it(door: Door, relay: Relay) -> None:
    to = somebody()
    message = letter(door, to, X_Mailmatic_Track="on")
    message.add_alternative('<a href="https://example.com/">Grüße</a>', subtype="html")
    _, message_id = submit(door, [to], octets(message))
    html = arrived(relay, message_id).message.get_body(("html",))
    assert html is not None
    assert "/api/t/c/" in html.get_content()
    assert "/api/t/o/" in html.get_content()


@pytest.mark.parametrize(
    ("header", "value", "words"),
    [
        ("X-Mailmatic-Send-At", "tomorrow", "ISO 8601"),
        ("X-Mailmatic-Send-At", "2001-01-01T00:00:00Z", "future"),
        ("X-Mailmatic-Track", "perhaps", "opens or clicks"),
        ("X-Mailmatic-Tags", "a", "no header"),
        ("Idempotency-Key", "two words", "idempotency key"),
        ("Idempotency-Key", "", "idempotency key"),
    ],
)
def test_a_request_that_is_not_understood_is_refused(door: Door, header: str, value: str, words: str) -> None:
    answer = refused(door, f"From: {door.sender}\r\n{header}: {value}\r\n\r\nHi\r\n".encode())
    assert answer.startswith("550 5.6.0 ")
    assert words in answer


def test_the_same_key_is_one_email_and_another_message_under_it_is_refused(door: Door, api: Client) -> None:
    to, key = somebody(), str(uuid.uuid4())
    first = submit(door, [to], octets(letter(door, to, Idempotency_Key=key)))
    assert submit(door, [to], octets(letter(door, to, Idempotency_Key=key, Date="now"))) == first
    with door.client() as smtp, pytest.raises(smtplib.SMTPDataError) as error:
        smtp.send_message(letter(door, somebody(), Idempotency_Key=key))
    assert error.value.smtp_code == 550
    found = api.get("/api/logs", params={"search": to}).json()["logs"]
    assert [item["id"] for item in found] == [first[0]]


def test_a_message_without_headers_gets_those_that_it_needs(door: Door, relay: Relay) -> None:
    _, message_id = submit(door, [somebody()], b"Subject: Hi\r\n\r\nHello\r\n")
    message = arrived(relay, message_id).message
    assert message["From"] == door.sender
    assert message["Date"]


@pytest.mark.parametrize(
    ("headers", "reply"),
    [
        ("From: x@elsewhere.test", "550 5.7.1 You may not send from elsewhere.test"),
        ("From: {me}, x@elsewhere.test", "550 5.6.0 From must name one address"),
        ("From: {me} <x@elsewhere.test>", "550 5.6.0 From must name one address"),
        ("From: {me}\r\nFrom: {me}", "550 5.6.0 These headers may occur once: from"),
        ("From: {me}\r\nSender: x@elsewhere.test", "550 5.7.1 "),
        ("From: {me}\r\nno header", "550 5.6.0 This is no header"),
        ("From : {me}", "550 5.6.0 This is no header"),
        (" From: {me}", "550 5.6.0 This is no header"),
        ("From: {me}\r\nSubject: x\r\n \r\nBcc: y", "550 5.6.0 This is no header"),
        ("From: {me}\r\nSubject: ü", "550 5.6.0 The headers hold 8-bit"),
        ("From: {me}\r\nX: " + "x" * 999, "550 5.6.0 Line 2 is longer"),
        ("From: {me}\r\nX: \0", "550 5.6.0 The message holds NUL"),
        ("From: {me}\r\nX: a\nb", "550 5.6.0 The message holds a bare CR or LF"),
        ("From: {me}\r\nX: a\rb", "550 5.6.0 The message holds a bare CR or LF"),
        ("From: {me}\r\n" + "Received: x\r\n" * 51 + "X: y", "550 5.6.0 The message came by too many"),
    ],
)
def test_a_message_that_readers_would_not_agree_on_is_refused(door: Door, headers: str, reply: str) -> None:
    with door.wire() as wire:
        wire.say(f"MAIL FROM:<{door.sender}>")
        wire.say(f"RCPT TO:<{somebody()}>")
        wire.say("DATA")
        wire.send(headers.format(me=door.sender).encode() + b"\r\n\r\nHi\r\n.\r\n")
        assert wire.reply().startswith(reply)
        assert wire.say("NOOP") == "250 2.0.0 Ok"


def test_programs_are_refused_as_the_api_refuses_them(door: Door) -> None:
    message = letter(door, somebody())
    message.add_attachment(b"MZ", maintype="application", subtype="x", filename="setup.exe")
    assert refused(door, octets(message)).startswith("550 5.6.0 Files that end in .exe are programs")


def test_one_refused_recipient_is_refused_alone(door: Door, api: Client, relay: Relay) -> None:
    gone, good = somebody(), somebody()
    assert api.post("/api/suppressions", {"email": gone}).ok
    with door.wire() as wire:
        wire.say(f"MAIL FROM:<{door.sender}>")
        assert wire.say(f"RCPT TO:<{gone}>").startswith("550 5.7.1 ")
        assert wire.say("RCPT TO:<no@address@twice>").startswith("553 5.1.3 ")
        assert wire.say("RCPT TO:<delivered@simulator.mailmatic.test>") == "250 2.1.5 Go on"
        assert wire.say(f"RCPT TO:<{good}>").startswith("452 4.5.3 ")
        wire.say("RSET")
        wire.say(f"MAIL FROM:<{door.sender}>")
        assert wire.say(f"RCPT TO:<{good}>") == "250 2.1.5 Go on"
        assert wire.say(f"RCPT TO:<{good.upper().replace('SOMEBODY', 'somebody')}>") == "250 2.1.5 Go on"
        wire.say("DATA")
        wire.send(f"From: {door.sender}\r\n\r\nHi\r\n.\r\n".encode())
        found = _OK.fullmatch(wire.reply())
    assert found
    assert arrived(relay, found[2]).recipients == [good]
