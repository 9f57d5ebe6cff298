"""Real clients as they come: each sends text, HTML, an attachment and Unicode, all the way to the relay."""

from __future__ import annotations

import base64
import functools
import json
import os
import re
import smtplib
import ssl
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any

import django.conf
import pytest
from django.core.mail import EmailMultiAlternatives, get_connection

from deploy.local.cluster import Cluster
from deploy.local.layout import ROOT
from tests.fixtures.postfix import postfix_for
from tests.fixtures.relay import Received, Relay
from tests.fixtures.submission import Door
from tests.fixtures.waiting import wait_for

pytestmark = pytest.mark.usefixtures("trusted")

_TEXT = "Hello Ann,\n\n.\n..a dot or two\nFrom the start of a line\n"
_UNICODE = "Grüße aus Köln ✓ 日本語 🚀\n" + "ein Wort " * 150 + "\n"
_HTML = '<html><body><p class="x">Grüße &amp; mehr</p></body></html>\n'
_BYTES = bytes(range(256)) * 400


@dataclass(frozen=True)
class Letter:
    """What a client is asked to send."""

    sender: str
    to: str
    message_id: str
    subject: str
    text: str
    html: str | None = None
    files: tuple[tuple[str, bytes], ...] = ()

    @functools.cache  # noqa: B019 - letters are few; composed anew, one would have other boundaries
    def composed(self) -> bytes:
        """As a whole message, for clients that don't compose."""
        message = EmailMessage(policy=SMTP)
        message["From"], message["To"], message["Subject"] = self.sender, self.to, self.subject
        message["Message-ID"], message["Date"] = self.message_id, "Mon, 01 Jun 2026 09:00:00 +0000"
        message["X-Mailmatic-Track"] = "off"  # else links and a pixel would be put into HTML
        message.set_content(self.text)
        if self.html:
            message.add_alternative(self.html, subtype="html")
        for name, data in self.files:
            message.add_attachment(data, maintype="application", subtype="pdf", filename=name)
        return message.as_bytes()


def letters(sender: str) -> list[Letter]:
    """One of each kind."""
    said: list[tuple[str, str, str | None, tuple[tuple[str, bytes], ...]]] = [
        ("Plain", _TEXT, None, ()),
        ("With HTML", _TEXT, _HTML, ()),
        ("With a file", _TEXT, None, (("Rechnung für Zoë.pdf", _BYTES),)),
        ("Grüße ✓ 日本語", _UNICODE, None, ()),
    ]
    return [
        Letter(sender, f"ann@{uuid.uuid4().hex}.example.com", f"<{uuid.uuid4()}@client.test>", *item)
        for item in said
    ]


def check(letter: Letter, received: Received) -> None:
    """What arrived says what was sent."""
    message = received.message
    assert received.recipients == [letter.to]
    assert message["Subject"] == letter.subject
    assert message["DKIM-Signature"]
    found = {subtype: message.get_body((subtype,)) for subtype in ("plain", "html")}
    for subtype, wanted in (("plain", letter.text), ("html", letter.html)):
        part = found[subtype]
        said = part.get_content().replace("\r\n", "\n").strip() if part and wanted else None
        assert said == (wanted.strip() if wanted else None)
    files = [(part.get_filename(), part.get_content()) for part in message.iter_attachments()]
    assert files == list(letter.files)


@pytest.fixture
def trusted(running: Cluster, monkeypatch: pytest.MonkeyPatch) -> str:
    """The certificate that local use makes, trusted as one of an authority would be."""
    file = str(running.layout.directory / "state" / "submission" / "self-signed.pem")
    monkeypatch.setenv("SSL_CERT_FILE", file)
    monkeypatch.setenv("NODE_EXTRA_CA_CERTS", file)
    return file


def arrive(relay: Relay, sent: list[Letter]) -> list[Received]:
    wait_for(lambda: relay.count([letter.message_id for letter in sent]) == len(sent), "all to arrive")
    return [received for letter in sent for received in relay.received(letter.message_id)]


def run(command: list[str], given: bytes, **environment: str) -> str:
    done = subprocess.run(
        command, input=given, capture_output=True, check=False, env={**os.environ, **environment}
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout.decode()


def by_smtplib(door: Door, letter: Letter) -> None:
    with smtplib.SMTP_SSL("localhost", door.tls_port, context=ssl.create_default_context()) as smtp:
        smtp.login(door.username, door.password)
        assert smtp.sendmail(door.sender, [letter.to], letter.composed()) == {}


def by_swaks(door: Door, letter: Letter) -> None:
    where = ["--server", "localhost", "--port", str(door.port), "--tls"]
    who = ["--auth", "PLAIN", "--auth-user", door.username, "--auth-password", door.password]
    envelope = ["--from", door.sender, "--to", letter.to]
    data = letter.composed().replace(b"\r\n", b"\n")
    said = run(["swaks", *where, *who, *envelope, "--no-data-fixup", "--data", "-"], _dotted(data))
    assert "250 2.0.0 Ok id=" in said


def _dotted(data: bytes) -> bytes:
    """As swaks wants what it sends as it is: line ends, stuffed dots and the last one are ours to give."""
    lines = data.split(b"\n")
    return b"\r\n".join(b"." + line if line.startswith(b".") else line for line in lines) + b".\r\n"


def by_msmtp(door: Door, letter: Letter) -> None:
    where = ["--host", "localhost", "--port", str(door.port), "--tls=on", "--auth=on"]
    where.append(f"--tls-trust-file={os.environ['SSL_CERT_FILE']}")
    who = ["--user", door.username, "--passwordeval", "printenv SECRET", "--from", door.sender]
    run(["msmtp", "--file=/dev/null", *where, *who, "--", letter.to], letter.composed(), SECRET=door.password)


Client = Callable[[Door, Letter], None]


@pytest.mark.parametrize("client", [by_smtplib, by_swaks, by_msmtp])
def test_what_a_client_hands_over_arrives_with_a_body_that_is_the_same_octet_for_octet(
    door: Door, relay: Relay, client: Client
) -> None:
    sent = letters(door.sender)
    for letter in sent:
        client(door, letter)
    for letter, received in zip(sent, arrive(relay, sent), strict=True):
        check(letter, received)
        assert received.raw.partition(b"\r\n\r\n")[2] == letter.composed().partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize("page", ["README.md", "docs/guides/smtp.md"])
def test_the_line_of_the_documentation_sends(door: Door, relay: Relay, page: str) -> None:
    line = re.findall(r"^swaks .*?[^\\]\n", (ROOT / page).read_text(), re.DOTALL | re.MULTILINE)[0]
    said = run(
        ["bash", "-ec", line],
        b"",
        MAILMATIC_SMTP_HOST="localhost",
        MAILMATIC_SMTP_PORT=str(door.port),
        MAILMATIC_SMTP_USERNAME=door.username,
        MAILMATIC_SMTP_PASSWORD=door.password,
        MAILMATIC_FROM=door.sender,
    )
    message_id = re.findall(r"250 2\.0\.0 Ok id=\S+ message-id=(\S+)", said)[0]
    (received,) = wait_for(lambda: relay.received(message_id), "the message to arrive")
    assert received.message.get_content().strip() == "It works."


def test_django_sends_with_its_own_backend(door: Door, relay: Relay) -> None:
    if not django.conf.settings.configured:
        django.conf.settings.configure(EMAIL_USE_LOCALTIME=False)
    sent = letters(door.sender)
    backend = get_connection(
        "django.core.mail.backends.smtp.EmailBackend",
        host="localhost",
        port=door.port,
        username=door.username,
        password=door.password,
        use_tls=True,
    )
    messages = []
    for letter in sent:
        headers = {"Message-ID": letter.message_id, "X-Mailmatic-Track": "off"}
        message = EmailMultiAlternatives(
            letter.subject, letter.text, door.sender, [letter.to], headers=headers
        )
        if letter.html:
            message.attach_alternative(letter.html, "text/html")
        for name, data in letter.files:
            message.attach(name, data, "application/pdf")
        messages.append(message)
    assert backend.send_messages(messages) == len(sent)
    for letter, received in zip(sent, arrive(relay, sent), strict=True):
        check(letter, received)


def test_nodemailer_sends_over_a_pooled_connection(door: Door, relay: Relay) -> None:
    sent = letters(door.sender)
    login = {"user": door.username, "pass": door.password}
    transport = {"host": "localhost", "port": door.tls_port, "secure": True, "auth": login}
    messages: list[dict[str, Any]] = [
        {
            "from": letter.sender,
            "to": letter.to,
            "subject": letter.subject,
            "text": letter.text,
            "html": letter.html,
            "messageId": letter.message_id,
            "headers": {"X-Mailmatic-Track": "off"},
            "attachments": [
                {"filename": name, "content": base64.b64encode(data).decode()} for name, data in letter.files
            ],
        }
        for letter in sent
    ]
    given = json.dumps({"transport": transport, "messages": messages}).encode()
    answers = json.loads(run(["node", str(ROOT / "tests/clients/nodemailer/send.js")], given))
    assert all(answer.startswith("250 2.0.0 Ok id=") for answer in answers)
    for letter, received in zip(sent, arrive(relay, sent), strict=True):
        check(letter, received)


@contextmanager
def smarthost(door: Door, certificate: str) -> Iterator[int]:
    """A Postfix that hands everything over to our submission; yields its port."""
    if os.getuid() != 0:
        assert not os.environ.get("CI"), "CI runs as root, so that Postfix can start"
        pytest.skip("Postfix starts only as root")
    settings = (
        f"relayhost = [127.0.0.1]:{door.port}\n"
        "smtp_sasl_auth_enable = yes\n"
        f"smtp_sasl_password_maps = static:{door.username}:{door.password}\n"
        "smtp_sasl_security_options = noanonymous\n"
        "smtp_tls_security_level = verify\n"
        "smtp_tls_verify_cert_match = localhost\n"
        f"smtp_tls_CAfile = {certificate}\n"
    )
    with postfix_for(settings) as (port, _):
        yield port


def test_postfix_hands_over_as_to_a_smarthost(
    door: Door, relay: Relay, trusted: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    readable = Path(trusted).read_text().partition("-----BEGIN CERTIFICATE")
    certificate = tmp_path_factory.mktemp("smarthost") / "certificate.pem"
    certificate.write_text("".join(readable[1:]))
    sent = letters(door.sender)
    with smarthost(door, str(certificate)) as port, smtplib.SMTP("127.0.0.1", port) as smtp:
        for letter in sent:
            smtp.sendmail(door.sender, [letter.to], letter.composed())
        arrived = arrive(relay, sent)
    for letter, received in zip(sent, arrived, strict=True):
        check(letter, received)
        assert received.raw.partition(b"\r\n\r\n")[2] == letter.composed().partition(b"\r\n\r\n")[2]
