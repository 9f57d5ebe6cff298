"""What is refused at the door: before TLS, before signing in, and whatever servers read differently."""

from __future__ import annotations

import base64
import contextlib
import uuid

import pytest

from deploy.local.cluster import Cluster
from tests.fixtures.api import Client
from tests.fixtures.relay import Relay
from tests.fixtures.submission import Door, log_of, trusting
from tests.fixtures.waiting import wait_for


def token(username: str, password: str, identity: str = "") -> str:
    return base64.b64encode(f"{identity}\0{username}\0{password}".encode()).decode()


def extensions(answer: str) -> list[str]:
    return [line[4:] for line in answer.splitlines()[1:]]


def test_what_is_offered_depends_on_tls_and_on_who_is_there(door: Door) -> None:
    always = ["PIPELINING", "SIZE 36700160", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"]
    with door.wire(tls=False) as wire:
        assert extensions(wire.say("EHLO client.test")) == [*always, "STARTTLS"]
    with door.wire(login=False) as wire:
        assert extensions(wire.say("EHLO client.test")) == [*always, "AUTH PLAIN LOGIN"]
    with door.wire() as wire:
        assert extensions(wire.say("EHLO client.test")) == always


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
def test_nobody_signs_in_without_tls(door: Door, mechanism: str) -> None:
    with door.wire(tls=False) as wire:
        wire.say("EHLO client.test")
        assert wire.say(f"AUTH {mechanism} {token(door.username, door.password)}").startswith("538 5.7.11 ")
        assert wire.say(f"MAIL FROM:<{door.sender}>").startswith("530 5.7.0 ")


def test_a_login_of_its_own_does_as_well_as_the_api_key(door: Door, api: Client) -> None:
    domains = api.get("/api/domains").json()["data"]
    body = {"domain_id": domains[0]["id"], "username": "app", "scopes": ["send"]}
    made = api.post("/api/credentials", body).json()
    username, password = made["smtp_username"], made["smtp_password"]
    with door.wire(login=False) as wire:
        wire.say("EHLO client.test")
        assert wire.say(f"AUTH PLAIN {token(username, password[:-1])}").startswith("535 5.7.8 ")
        assert wire.say("AUTH LOGIN") == "334 VXNlcm5hbWU6"
        assert wire.say(base64.b64encode(username.encode()).decode()) == "334 UGFzc3dvcmQ6"
        assert wire.say(base64.b64encode(password.encode()).decode()).startswith("235 ")
        assert wire.say(f"AUTH PLAIN {token(username, password)}").startswith("503 ")
        assert wire.say(f"MAIL FROM:<app@{api.domain}>").startswith("250 ")
        api.request("DELETE", f"/api/credentials/{made['id']}")
        wire.say("RSET")

        def refused() -> bool:
            wire.say("RSET")
            return wire.say(f"MAIL FROM:<app@{api.domain}>").startswith("535 ")

        wait_for(refused, "a session of a credential that is gone to end")


def test_a_key_that_may_not_send_does_not_sign_in(door: Door, api: Client) -> None:
    domain = api.get("/api/domains").json()["data"][0]["id"]
    for rights in ({"scopes": ["read"]}, {"allowed_ips": ["192.0.2.0/24"]}):
        made = api.post("/api/credentials", {"domain_id": domain, "username": "app", **rights}).json()
        with door.wire(login=False) as wire:
            wire.say("EHLO client.test")
            assert wire.say(f"AUTH PLAIN {token('apikey', made['api_key'])}")[:3] in ("535", "550")


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("AUTH", "504 5.5.4 "),
        ("AUTH CRAM-MD5", "504 5.5.4 "),
        ("AUTH PLAIN ???", "501 5.5.2 "),
        ("AUTH PLAIN =", "501 5.5.2 "),
        (f"AUTH PLAIN {token('a', 'b', 'somebody-else')}", "501 5.5.2 "),
        (f"AUTH PLAIN {base64.b64encode(bytes([0, 255, 0, 255])).decode()}", "501 5.5.2 "),
        (f"AUTH PLAIN {token('apikey', 'mm_' + 'x' * 32)}", "535 5.7.8 "),
        (f"AUTH PLAIN {token('smtp_nobody', 'x')}", "535 5.7.8 "),
        (f"AUTH PLAIN {'A' * 12_000}", "501 5.5.2 "),
    ],
)
def test_a_login_that_is_none_is_refused_and_the_session_goes_on(door: Door, line: str, reply: str) -> None:
    with door.wire(login=False) as wire:
        wire.say("EHLO client.test")
        assert wire.say(line).startswith(reply)
        assert wire.say("AUTH LOGIN").startswith("334 ")
        assert wire.say("*").startswith("501 5.7.0 ")
        assert wire.say("NOOP").startswith("250 ")


def test_three_failures_end_a_session_and_the_log_tells_it_without_secrets(
    door: Door, running: Cluster
) -> None:
    guess = f"guess{uuid.uuid4().hex}"
    with door.wire(login=False) as wire:
        wire.say(f"EHLO {guess[::-1]}")
        for _ in range(3):
            assert wire.say(f"AUTH PLAIN {token('apikey', guess)}").startswith("535 5.7.8 ")
        assert wire.closed()
    wait_for(lambda: guess[::-1] in log_of(running), "the session to be told")
    told = next(line for line in log_of(running).splitlines() if guess[::-1] in line)
    assert "C: AUTH PLAIN [not shown]" in told
    assert "S: 535 5.7.8 " in told
    assert guess not in log_of(running)
    assert token("apikey", guess) not in log_of(running)


def test_a_password_that_comes_a_line_too_late_is_not_logged(door: Door, running: Cluster) -> None:
    name, secret = uuid.uuid4().hex, base64.b64encode(uuid.uuid4().bytes).decode()
    with door.wire(login=False) as wire:
        wire.say(f"EHLO {name}")
        assert wire.say("AUTH NTLM").startswith("504 ")
        assert wire.say(secret).startswith("500 5.5.1 ")
    wait_for(lambda: name in log_of(running), "the session to be told")
    assert secret not in log_of(running)


@pytest.mark.parametrize("more", ["EHLO evil\r\n", "MAIL FROM:<evil@evil.test>\r\n", "x"])
def test_commands_behind_starttls_never_get_into_the_session(door: Door, more: str) -> None:
    """CVE-2011-0411 and its like."""
    with door.wire(tls=False) as wire:
        wire.say("EHLO client.test")
        wire.send(f"STARTTLS\r\n{more}".encode())
        assert wire.reply().startswith("503 5.5.1 Wait for the reply to STARTTLS")
        assert wire.closed()


def test_nothing_said_before_tls_counts_after_it(door: Door) -> None:
    with door.wire(tls=False) as wire:
        wire.say("EHLO client.test")
        assert wire.say("STARTTLS").startswith("220 ")
        wire.sock = trusting().wrap_socket(wire.sock)
        wire._file = wire.sock.makefile("rb")
        assert wire.say(f"AUTH PLAIN {token(door.username, door.password)}").startswith("503 5.5.1 Say EHLO")
        wire.say("EHLO client.test")
        assert wire.say("STARTTLS").startswith("503 5.5.1 ")
        assert wire.say(f"AUTH PLAIN {token(door.username, door.password)}").startswith("235 ")


@pytest.mark.parametrize("first", ["EHLO a", "HELO a", "AUTH LOGIN"])
def test_what_comes_in_the_same_breath_as_a_command_that_ends_a_group_ends_the_session(
    door: Door, first: str
) -> None:
    with door.wire(login=False) as wire:
        if first.startswith("AUTH"):
            wire.say("EHLO client.test")
        wire.send(f"{first}\r\nMAIL FROM:<{door.sender}>\r\n".encode())
        assert wire.reply().startswith("503 5.5.1 Wait for the reply to ")
        assert wire.closed()


def test_what_comes_before_354_is_neither_message_nor_commands(door: Door) -> None:
    with door.wire() as wire:
        wire.send(f"MAIL FROM:<{door.sender}>\r\nRCPT TO:<x>\r\nDATA\r\nFrom: x\r\n\r\n.\r\n".encode())
        assert wire.reply().startswith("250 ")
        assert wire.reply().startswith("553 5.1.3 ")
        assert wire.reply().startswith("503 5.5.1 Wait for the reply to DATA")
        assert wire.closed()


def test_a_pipelined_group_is_answered_command_by_command(door: Door) -> None:
    to = f"a@{uuid.uuid4().hex}.example.com"
    with door.wire() as wire:
        wire.send(f"MAIL FROM:<{door.sender}>\r\nRCPT TO:<{to}>\r\nRCPT TO:<{to}>\r\nDATA\r\n".encode())
        assert [wire.reply()[:3] for _ in range(4)] == ["250", "250", "250", "354"]
        wire.send(f"From: {door.sender}\r\n\r\nHi\r\n.\r\nRSET\r\nNOOP\r\nQUIT\r\n".encode())
        assert [wire.reply()[:3] for _ in range(4)] == ["250", "250", "250", "221"]
        assert wire.closed()


#: What some servers take for the end of a message, or pass on so that the next one does.
ENDS = [
    b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r.\r\n", b"\r\n.\n", b"\r\n.\r", b"\r\n\0.\r\n", b"\n\n.\r\n",
    b"\r\n.\r\r\n", b"\r\n.\0\r\n", b"\n.\r", b"\r.\n", b"\0\r\n.\r \n",
]  # fmt: skip


@pytest.mark.parametrize("end", ENDS, ids=repr)
def test_no_other_end_of_a_message_lets_a_second_one_in(door: Door, relay: Relay, end: bytes) -> None:
    mark = uuid.uuid4().hex
    smuggled = (
        f"MAIL FROM:<{door.sender}>\r\nRCPT TO:<{mark}@example.com>\r\nDATA\r\n"
        f"From: {door.sender}\r\nMessage-ID: <{mark}@smuggled.test>\r\n\r\nsmuggled"
    )
    with door.wire() as wire:
        wire.say(f"MAIL FROM:<{door.sender}>")
        wire.say(f"RCPT TO:<a@{mark}.example.com>")
        wire.say("DATA")
        start = f"From: {door.sender}\r\nMessage-ID: <{mark}@outer.test>\r\n\r\nHi".encode()
        wire.send(start + end + smuggled.encode() + b"\r\n.\r\n")
        assert wire.reply().startswith("550 5.6.0 ")
        assert wire.say("NOOP") == "250 2.0.0 Ok"
    assert relay.attempts[f"{mark}@example.com"] == 0


@pytest.mark.parametrize(
    ("line", "reply", "ends"),
    [
        (b"NOOP\n", "500 5.5.2 Lines end in CR LF", True),
        (b"NO\rOP\r\n", "500 5.5.2 Lines end in CR LF", True),
        (b"NOOP\r\r\n", "500 5.5.2 Lines end in CR LF", True),
        (b"NO\0OP\r\n", "500 5.5.2 Lines end in CR LF", True),
        (b"NOOP " + b"x" * 3_000 + b"\r\n", "500 5.5.2 The line is too long", False),
        (b"x" * 20_000 + b"\r\n", "500 5.5.2 The line is too long", True),
        (b"\r\n", "500 5.5.1 There is no such command", False),
        (b" NOOP\r\n", "500 5.5.1 There is no such command", False),
        (b"N\xc3\xb6\xc3\xb6P\r\n", "500 5.5.1 There is no such command", False),
        (b"NOOP \xff\r\n", "500 5.5.2 Commands are", False),
        (b"noop\r\n", "250 2.0.0 Ok", False),
        (b"NOOP whatever\r\n", "250 2.0.0 Ok", False),
        (b"EHLO\r\n", "501 5.5.4 ", False),
        (b"EHLO a b\r\n", "501 5.5.4 ", False),
        (b"HELO \r\n", "501 5.5.4 ", False),
        (b"STARTTLS\r\n", "503 5.5.1 ", False),
        (b"STARTTLS now\r\n", "501 5.5.4 ", False),
        (b"VRFY <x@y.test>\r\n", "252 2.5.2 ", False),
        (b"EXPN list\r\n", "502 5.5.1 ", False),
        (b"BDAT 3 LAST\r\n", "502 5.5.1 ", False),
        (b"HELP\r\n", "214 2.0.0 ", False),
        (b"RSET\r\n", "250 2.0.0 ", False),
        (b"RCPT TO:<a@example.com>\r\n", "503 5.5.1 ", False),
        (b"DATA\r\n", "503 5.5.1 ", False),
        (b"DATA now\r\n", "501 5.5.4 ", False),
        (b"MAIL FROM:\r\n", "501 5.5.4 ", False),
        (b"MAIL FROM:a@example.com\r\n", "501 5.5.4 ", False),
        (b"MAIL TO:<a@example.com>\r\n", "501 5.5.4 ", False),
        (b"MAIL FROM:<a@example.com\r\n", "501 5.5.4 ", False),
        (b"MAIL FROM:<a@elsewhere.test>\r\n", "550 5.7.1 ", False),
        (b"MAIL FROM:<a b@example.com>\r\n", "501 5.5.4 ", False),
        (b"MAIL FROM:<>\r\n", "250 2.1.0 ", False),
        (b"MAIL FROM: <>\r\n", "250 2.1.0 ", False),
        (b"mail from:<> size=10 body=8bitmime auth=<>\r\n", "250 2.1.0 ", False),
        (b"MAIL FROM:<> SIZE=999999999\r\n", "552 5.3.4 ", False),
        (b"MAIL FROM:<> SIZE=x\r\n", "501 5.5.4 ", False),
        (b"MAIL FROM:<> SIZE=1 SIZE=1\r\n", "501 5.5.4 ", False),
        (b"MAIL FROM:<> BODY=BINARYMIME\r\n", "501 5.5.4 ", False),
        (b"MAIL FROM:<> SMTPUTF8=1\r\n", "501 5.5.4 ", False),
        (b"MAIL FROM:<> RET=HDRS\r\n", "555 5.5.4 ", False),
        (b"MAIL FROM:<\xc3\xbc@example.com>\r\n", "553 5.6.7 ", False),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_command_is_answered_as_rfc_5321_has_it(door: Door, line: bytes, reply: str, *, ends: bool) -> None:
    with door.wire() as wire:
        wire.send(line)
        assert wire.reply().startswith(reply)
        if ends:
            assert wire.closed()
        else:
            assert wire.say("NOOP") == "250 2.0.0 Ok"


@pytest.mark.parametrize(
    ("path", "reply"),
    [
        ("<a@example.com>", "250 2.1.5 "),
        (" <a@example.com>", "250 2.1.5 "),
        ("<@one.test,@two.test:a@example.com>", "250 2.1.5 "),
        ("<A+tag@EXAMPLE.com>", "250 2.1.5 "),
        ("<>", "501 5.1.3 "),
        ("<postmaster>", "553 5.1.3 "),
        ("<a@example.com> NOTIFY=NEVER", "555 5.5.4 "),
        ("<a@example.com>x", "501 5.5.4 "),
        ("a@example.com", "501 5.5.4 "),
        ("<a@b@example.com>", "553 5.1.3 "),
        ("<a@[192.0.2.1]>", "553 5.1.3 "),
        ('<"a b"@example.com>', "553 5.1.3 "),
        ("<a@example..com>", "553 5.1.3 "),
        ("<a.@example.com>", "553 5.1.3 "),
        (f"<{'a' * 65}@example.com>", "553 5.1.3 "),
        (f"<a@{'b.' * 130}com>", "553 5.1.3 "),
        ("<ü@example.com>", "553 5.6.7 "),
        ("<a%b@example.com>", "250 2.1.5 "),
    ],
)
def test_a_recipient_is_answered_as_rfc_5321_has_it(door: Door, path: str, reply: str) -> None:
    with door.wire() as wire:
        wire.say(f"MAIL FROM:<{door.sender}>")
        assert wire.say(f"RCPT TO:{path}").startswith(reply)


def test_the_order_of_commands_is_kept(door: Door) -> None:
    with door.wire() as wire:
        wire.say(f"MAIL FROM:<{door.sender}>")
        assert wire.say(f"MAIL FROM:<{door.sender}>").startswith("503 5.5.1 ")
        assert wire.say("DATA").startswith("554 5.5.1 ")
        wire.say("EHLO again")
        assert wire.say("RCPT TO:<a@example.com>").startswith("503 5.5.1 ")


def test_a_session_ends_after_ten_errors_or_thirty_commands_of_a_stranger(door: Door) -> None:
    with door.wire(login=False) as wire:
        replies = [wire.say("NONSENSE")[:3] for _ in range(10)]
        assert replies == ["500"] * 9 + ["421"]
        assert wire.closed()
    with door.wire(login=False) as wire:
        replies = [wire.say("NOOP")[:3] for _ in range(31)]
        assert replies == ["250"] * 30 + ["421"]
        assert wire.closed()


def test_a_line_without_end_ends_the_session(door: Door) -> None:
    with door.wire() as wire, contextlib.suppress(OSError):
        while True:
            wire.send(b"x" * 10_000)
