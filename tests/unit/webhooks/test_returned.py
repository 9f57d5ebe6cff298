"""What returned mail says: two corpora of real bounces, reports by the book, complaints, automatic replies.

The corpora, of flufl.bounce and of Perl's Mail::DeliveryStatus::BounceParser, are real (anonymised) bounces
of many servers; they are read out of the source packages that `make setup-test` fetches. Whom each is about
says the one package itself; for the other bounceparser.json has it by class, as its tests and the mails say.
"""

from __future__ import annotations

import ast
import json
import tarfile
from email.message import EmailMessage
from functools import cache
from pathlib import Path

import pytest

from services.webhooks.returned import Said, read
from shared.bounces import HARD, SOFT, classify

ROOT = Path(__file__).parents[3]
_ARCHIVE = "flufl.bounce-4.0"
_PERL = "libmail-deliverystatus-bounceparser-perl_1.543+repacked.orig.tar.xz"
#: Files whose addresses the package gives for one detector alone, which finds none; the mails name one.
_NAMED_AFTER_ALL = {"groupwise_02.txt": {"userx@example.com"}, "simple_42.txt": {"david...@gmail.com"}}


def _is_case(node: ast.AST) -> bool:
    """(detector, file, addresses[, temporary])"""
    return isinstance(node, ast.Tuple) and len(node.elts) in (3, 4) and isinstance(node.elts[1], ast.Constant)


@cache
def corpus() -> dict[str, tuple[bytes, set[str], bool]]:
    """File name → the mail, whom it is about, and whether the package calls it temporary."""
    with tarfile.open(ROOT / f".venv/corpus/{_ARCHIVE}.tar.gz") as archive:

        def content(path: str) -> bytes:
            member = archive.extractfile(f"{_ARCHIVE}/flufl/bounce/{path}")
            assert member is not None
            return member.read()

        found = {}
        for node in ast.walk(ast.parse(content("testing/helpers.py"))):
            if (
                isinstance(node, ast.Tuple)
                and len(node.elts) in (3, 4)
                and isinstance(node.elts[1], ast.Constant)
            ):
                _, name, addresses, *temporary = ast.literal_eval(ast.unparse(node))
                about = {address.decode().lower() for address in addresses}
                found[name] = (content(f"tests/data/{name}"), about, bool(temporary and temporary[0]))
        return found


def test_of_real_bounces_nearly_all_give_the_right_recipients_and_permanence() -> None:
    wrong = {}
    for name, (raw, about, temporary) in corpus().items():
        said = read(raw)
        addresses = {item.recipient.lower() for item in said if item.recipient}
        expected = _NAMED_AFTER_ALL.get(name, about)
        permanent = any(item.event in ("bounce", "expired") for item in said)
        if addresses != expected or (expected and permanent == temporary):
            wrong[name] = said
    assert len(corpus()) > 100
    assert len(wrong) <= len(corpus()) * 0.05, wrong


@cache
def perl_corpus() -> dict[str, tuple[bytes, str, list[str]]]:
    """File name → the mail, its class (none: it is no bounce, or says nothing), and whom it is about."""
    expected = json.loads((Path(__file__).parent / "bounceparser.json").read_text())
    with tarfile.open(ROOT / ".venv/corpus" / _PERL) as archive:
        mails = {}
        for member in archive:
            content = archive.extractfile(member)
            if member.name.endswith(".msg") and content is not None:
                mails[Path(member.name).stem] = content.read()
    assert mails.keys() == {name for files in expected.values() for name in files}
    return {name: (mails[name], kind, about) for kind, of in expected.items() for name, about in of.items()}


@pytest.mark.skipif(not (ROOT / ".venv/corpus" / _PERL).exists(), reason="no mirror had the source package")
def test_of_real_bounces_nearly_all_give_the_right_recipients_and_class() -> None:
    wrong = {}
    for name, (raw, kind, about) in perl_corpus().items():
        said = read(raw)
        kinds = {classify(item.reason or "", enhanced=item.dsn).kind for item in said} or {"none"}
        if kinds != {kind} or sorted(item.recipient.lower() for item in said if item.recipient) != about:
            wrong[name] = said
    assert len(wrong) <= len(perl_corpus()) * 0.05, wrong
    # of what is missed none is taken for a mailbox that is gone: nobody would be suppressed by mistake
    assert not [name for name in wrong if perl_corpus()[name][1] != HARD and _is_hard(wrong[name])]


def _is_hard(said: list[Said]) -> bool:
    return any(classify(item.reason or "", enhanced=item.dsn).kind == HARD for item in said)


def test_no_real_bounce_that_is_not_about_the_mailbox_would_suppress_anybody() -> None:
    hard = {
        classify(item.reason or "", enhanced=item.dsn).reason
        for raw, _, _ in corpus().values()
        for item in read(raw)
        if item.event == "bounce" and classify(item.reason or "", enhanced=item.dsn).kind == HARD
    }
    assert hard <= {"unknown_user", "inactive_mailbox", "bad_domain", "bad_address", "moved"}
    for raw, _, temporary in corpus().values():
        if temporary:
            assert all(item.event != "bounce" for item in read(raw))


def report(**fields: str) -> bytes:
    """A report by RFC 3464 about one recipient, with the headers of our email."""
    lines = {
        "Original-Recipient": "rfc822;ada@example.net",
        "Final-Recipient": "rfc822; somebody.else@example.org",
        "Action": "failed",
        "Status": "5.1.1",
        "Diagnostic-Code": "smtp; 550 5.1.1 <somebody.else@example.org>\r\n User unknown",
        **{name.replace("_", "-"): value for name, value in fields.items()},
    }
    status = "\r\n".join(f"{name}: {value}" for name, value in lines.items())
    return (
        "From: MAILER-DAEMON@example.org\r\nTo: bounces@sender.test\r\nSubject: Undelivered\r\n"
        "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="x"\r\n\r\n'
        "--x\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n"
        "--x\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.org\r\n\r\n"
        f"{status}\r\n\r\n"
        "--x\r\nContent-Type: text/rfc822-headers\r\n\r\n"
        "Subject: Hello\r\nMessage-ID: <one@sender.test>\r\n\r\n"
        "--x--\r\n"
    ).encode()


def test_report_names_the_recipient_we_wrote_to_and_the_message() -> None:
    assert read(report()) == [
        Said(
            "bounce",
            "ada@example.net",
            "550 5.1.1 <somebody.else@example.org> User unknown",
            "5.1.1",
            "<one@sender.test>",
        )
    ]


@pytest.mark.parametrize(
    ("fields", "event", "kind"),
    [
        ({"Action": "delayed", "Status": "4.4.1", "Diagnostic-Code": "smtp; 451 later"}, "deferred", SOFT),
        ({"Action": "failed", "Status": "4.4.7", "Diagnostic-Code": "smtp; timed out"}, "expired", SOFT),
        ({"Action": "failed (relay)", "Status": "5.2.2", "Diagnostic-Code": "smtp; full"}, "bounce", SOFT),
        ({"Action": "failed", "Status": "5.0.0"}, "bounce", HARD),
    ],
)
def test_report_says_what_happened(fields: dict[str, str], event: str, kind: str) -> None:
    (said,) = read(report(**fields))
    assert said.event == event
    assert classify(said.reason or "", enhanced=said.dsn).kind == kind


@pytest.mark.parametrize("action", ["relayed", "expanded", ""])
def test_report_of_what_is_no_end_says_nothing(action: str) -> None:
    assert [item.event for item in read(report(Action=action)) if item.dsn] == []


def feedback(kind: str = "abuse") -> bytes:
    """A complaint by RFC 5965."""
    return (
        "From: fbl@example.org\r\nTo: feedback@install.test\r\nSubject: FW: Hello\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=feedback-report; boundary="x"\r\n\r\n'
        "--x\r\nContent-Type: text/plain\r\n\r\nThis is a report.\r\n"
        f"--x\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: {kind}\r\nVersion: 1\r\n"
        "User-Agent: x/1\r\nOriginal-Rcpt-To: <ada@example.net>\r\n\r\n"
        "--x\r\nContent-Type: message/rfc822\r\n\r\n"
        "Message-ID: <one@sender.test>\r\nSubject: Hello\r\n\r\nHi\r\n"
        "--x--\r\n"
    ).encode()


def test_complaint_names_recipient_and_message() -> None:
    assert read(feedback()) == [
        Said("complaint", "ada@example.net", None, None, "<one@sender.test>", "abuse")
    ]


@pytest.mark.parametrize("kind", ["not-spam", "auth-failure"])
def test_feedback_that_is_no_complaint_says_nothing(kind: str) -> None:
    assert read(feedback(kind)) == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto-Submitted": "auto-replied", "Subject": "Re: Hello"},
        {"X-Autoreply": "yes"},
        {"Subject": "Out of Office: Hello"},
        {"Subject": "Re: Hello"},
    ],
)
def test_reply_of_a_person_or_their_program_says_nothing(headers: dict[str, str]) -> None:
    message = EmailMessage()
    for name, value in headers.items():
        message[name] = value
    message.set_content("I am away until Monday. My address bob@example.net is not read.")
    assert read(message.as_bytes()) == []


@pytest.mark.parametrize(
    "raw", [b"", b"\x00\xff", b"Content-Type: multipart/report\r\n\r\n--", b"a" * 100_000]
)
def test_mail_that_is_none_says_nothing(raw: bytes) -> None:
    assert read(raw) == []
