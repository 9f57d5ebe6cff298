"""How much, how long and how often: sizes, times, rates, connections, certificates, and an orderly end."""

from __future__ import annotations

import contextlib
import signal
import socket
import ssl
import threading
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from deploy.local.cluster import Cluster
from deploy.local.ports import HOST, free_port
from services.gateway.submission.tls import make_self_signed
from tests.fixtures.api import Client, new_client
from tests.fixtures.cluster import wait_for_fresh_connections
from tests.fixtures.cut_commit import cut_commits
from tests.fixtures.own_worker import Worker, own_worker
from tests.fixtures.relay import Relay
from tests.fixtures.submission import Door, Wire, trusting
from tests.fixtures.waiting import wait_for


@contextmanager
def own_door(cluster: Cluster, door: Door, **settings: str) -> Iterator[tuple[Door, Worker]]:
    """One more submission process with settings of its own."""
    port, tls_port = free_port(), free_port()
    ports = {"MAILMATIC_SMTP_PORT": str(port), "MAILMATIC_SMTPS_PORT": str(tls_port)}
    command = ("python", "-m", "services.gateway.submission")
    with own_worker(cluster, "own-submission", command, **{**ports, **settings}) as worker:
        yield replace(door, port=port, tls_port=tls_port), worker


def begin(wire: Wire, door: Door) -> None:
    assert wire.say(f"MAIL FROM:<{door.sender}>").startswith("250 ")
    assert wire.say(f"RCPT TO:<a@{uuid.uuid4().hex}.example.com>").startswith("250 ")
    assert wire.say("DATA").startswith("354 ")


def send(wire: Wire, door: Door, body: str = "Hi") -> str:
    begin(wire, door)
    wire.send(f"From: {door.sender}\r\n\r\n{body}\r\n.\r\n".encode())
    return wire.reply()


@pytest.fixture(scope="module")
def tight(running: Cluster, door: Door) -> Iterator[Door]:
    """A process with narrow limits."""
    narrow = {
        "MAILMATIC_SMTP_MAX_MESSAGE_BYTES": "100000",
        "MAILMATIC_SMTP_MAX_MEMORY_BYTES": "150000",
        "MAILMATIC_SMTP_MAX_RECIPIENTS": "3",
        "MAILMATIC_SMTP_MAX_CONNECTIONS_PER_IP": "5",
        "MAILMATIC_SMTP_MAX_COMMANDS": "40",
        "MAILMATIC_SMTP_IDLE_SECONDS": "2",
        "MAILMATIC_SMTP_LOGIN_SECONDS": "4",
    }
    with own_door(running, door, **narrow) as (found, _):
        yield found


def test_a_message_that_is_too_large_is_refused_while_it_is_read(tight: Door) -> None:
    with tight.wire() as wire:
        assert wire.say("MAIL FROM:<> SIZE=100001").startswith("552 5.3.4 ")
        line = "x" * 76 + "\r\n"
        assert send(wire, tight, line * 1_200).startswith("250 ")
        assert send(wire, tight, line * 1_400).startswith("552 5.3.4 ")
        assert wire.say("NOOP") == "250 2.0.0 Ok"


def test_a_message_without_end_ends_the_session(tight: Door) -> None:
    with tight.wire() as wire, contextlib.suppress(OSError):
        begin(wire, tight)
        while True:
            wire.send(b"x" * 76 + b"\r\n")


def test_messages_beyond_the_memory_are_told_to_come_later(tight: Door) -> None:
    big = f"From: {tight.sender}\r\n\r\n".encode() + (b"x" * 76 + b"\r\n") * 1_200
    with tight.wire() as first, tight.wire() as second:
        begin(first, tight)
        first.send(big)
        begin(second, tight)
        second.send(big + b".\r\n")
        assert second.reply().startswith("452 4.3.1 ")
        first.send(b".\r\n")
        assert first.reply().startswith("250 ")
        assert send(second, tight).startswith("250 ")


def test_recipients_beyond_the_limit_are_told_to_come_next(tight: Door) -> None:
    with tight.wire() as wire:
        wire.say(f"MAIL FROM:<{tight.sender}>")
        replies = [wire.say(f"RCPT TO:<a{number}@example.com>")[:9] for number in range(4)]
        assert replies == ["250 2.1.5"] * 3 + ["452 4.5.3"]


def test_connections_of_one_address_are_counted(tight: Door) -> None:
    with ExitStack() as stack:
        for _ in range(5):
            stack.enter_context(tight.wire(tls=False))
        with socket.create_connection((HOST, tight.port)) as sock:
            assert sock.recv(100).startswith(b"421 4.7.0 ")

    def let_in() -> bool:
        with socket.create_connection((HOST, tight.port)) as sock:
            return sock.recv(100).startswith(b"220 ")

    wait_for(let_in, "a place to be free again")


def test_commands_are_counted_from_message_to_message(tight: Door) -> None:
    with tight.wire() as wire:
        for _ in range(3):
            for _ in range(30):
                assert wire.say("NOOP").startswith("250 ")
            assert send(wire, tight).startswith("250 ")
        replies = {wire.say("NOOP")[:9] for _ in range(41)}
        assert replies == {"250 2.0.0", "421 4.7.0"}
        assert wire.closed()


def test_silence_and_strangers_who_stay_are_ended(tight: Door) -> None:
    with tight.wire() as idle, tight.wire(login=False) as stranger:
        stop = threading.Event()

        def drip() -> None:  # never idle, never done
            try:
                while not stop.wait(0.2):
                    stranger.send(b"x")
            except OSError:
                return

        dripping = threading.Thread(target=drip)
        dripping.start()
        assert idle.reply().startswith("421 4.4.2 ")
        assert stranger.reply().startswith("421 4.4.2 ")
        stop.set()
        dripping.join()


def test_slow_clients_and_junk_delay_nobody(running: Cluster, door: Door) -> None:
    with own_door(running, door) as (found, _), ExitStack() as stack:
        for _ in range(30):
            slow = stack.enter_context(found.wire(tls=False))
            slow.send(b"EHLO slo")
        for _ in range(30):
            raw = stack.enter_context(socket.create_connection((HOST, found.tls_port)))
            raw.sendall(b"\x16\x03\x01")  # a handshake that never goes on
        with found.wire() as wire:
            for _ in range(20):
                assert send(wire, found).startswith("250 ")


def test_rates_are_those_of_the_api_and_refuse_for_the_moment_only(running: Cluster, door: Door) -> None:
    other = new_client(running)
    mine = replace(door, password=other.key, sender=other.sender)
    limits = {"MAILMATIC_RATE_LIMIT_CREDENTIAL": "3/minute", "MAILMATIC_RATE_LIMIT_IP": "2/minute"}
    with own_door(running, mine, **limits) as (found, _):
        with found.wire() as wire:
            for _ in range(3):
                assert wire.say(f"MAIL FROM:<{found.sender}>").startswith("250 ")
                wire.say("RSET")
            assert wire.say(f"MAIL FROM:<{found.sender}>").startswith("451 4.7.1 ")
        wrong = replace(found, password="mm_" + uuid.uuid4().hex)
        for expected in ("535", "535", "451"):
            with pytest.raises(AssertionError) as refused, wrong.wire():
                pass
            assert f"'{expected} " in str(refused.value)


def test_a_used_up_quota_refuses_for_the_moment_only(running: Cluster, door: Door, api: Client) -> None:
    other = new_client(running)
    with own_door(running, door, MAILMATIC_QUOTA_DAILY="2") as (found, _):
        mine = replace(found, password=other.key, sender=other.sender)
        with mine.wire() as wire:
            assert send(wire, mine).startswith("250 ")
            assert send(wire, mine).startswith("250 ")
            assert send(wire, mine).startswith("452 4.7.1 ")


def served(port: int) -> bytes:
    """The certificate on that port, DER."""
    with socket.create_connection((HOST, port)) as sock, trusting().wrap_socket(sock) as tls:
        return tls.getpeercert(binary_form=True) or b""


def test_a_certificate_that_changed_is_used_without_a_restart(
    running: Cluster, door: Door, tmp_path: Path
) -> None:
    file = tmp_path / "certificate.pem"
    make_self_signed(file, "mail.install.test")
    with own_door(running, door, MAILMATIC_SMTP_CERTIFICATE=str(file)) as (found, worker):
        first = served(found.tls_port)
        assert ssl.DER_cert_to_PEM_cert(first) in file.read_text()
        with found.wire() as wire:  # goes on under the old one
            file.write_text("no certificate")
            wait_for(lambda: worker.says("submission.certificate_unreadable"), "the change to be seen")
            assert served(found.tls_port) == first
            make_self_signed(file, "mail.install.test")
            wait_for(lambda: served(found.tls_port) != first, "the new certificate")
            assert send(wire, found).startswith("250 ")


def test_sigterm_ends_the_idle_and_lets_who_is_at_a_message_end_it(running: Cluster, door: Door) -> None:
    with own_door(running, door) as (found, worker), found.wire() as idle, found.wire() as busy:
        begin(busy, found)
        busy.send(f"From: {found.sender}\r\n\r\nHi\r\n".encode())
        worker.process.send_signal(signal.SIGTERM)
        assert idle.reply().startswith("421 4.3.2 ")
        busy.send(b".\r\n")
        assert busy.reply().startswith("250 ")
        assert busy.reply().startswith("421 4.3.2 ")
        assert worker.process.wait(30) == 0


def test_metrics_count_what_happens(running: Cluster, door: Door) -> None:
    port = free_port()
    with own_door(running, door, MAILMATIC_METRICS_PORT=str(port)) as (found, _), found.wire() as wire:
        assert send(wire, found).startswith("250 ")
        page = requests.get(f"http://{HOST}:{port}/metrics", timeout=10).text
    assert 'mailmatic_submission_messages_total{outcome="accepted"} 1.0' in page
    assert "mailmatic_submission_connections 1.0" in page


def test_a_commit_whose_answer_was_lost_is_told_as_what_it_is(
    running: Cluster, door: Door, api: Client
) -> None:
    own = f"<{uuid.uuid4()}@client.test>"
    with (
        cut_commits(running.layout.database_url) as (cutter, url),
        own_door(running, door, DATABASE_URL=url) as (found, _),
        found.wire() as wire,
    ):
        assert send(wire, found).startswith("250 ")
        begin(wire, found)
        cutter.armed.set()
        wire.send(f"From: {door.sender}\r\nMessage-ID: {own}\r\n\r\nHi\r\n.\r\n".encode())
        assert wire.reply().startswith("250 ")
        assert cutter.cut.is_set()
    assert len(api.get("/api/logs", params={"search": own}).json()["logs"]) == 1


@pytest.mark.usefixtures("own_servers")
def test_postgres_away_in_the_middle_of_a_message_is_a_retry_and_one_email(
    cluster: Cluster, door: Door, api: Client, relay: Relay
) -> None:
    own = f"<{uuid.uuid4()}@client.test>"
    message = f"From: {door.sender}\r\nMessage-ID: {own}\r\n\r\nHi\r\n".encode()
    with door.wire() as wire:
        begin(wire, door)
        wire.send(message)
        cluster.stop("postgres")
        wire.send(b".\r\n")
        assert wire.reply().startswith("451 4.3.0 ")
        assert wire.say(f"MAIL FROM:<{door.sender}>")[:3] in ("250", "451")
        cluster.start("postgres")
        wait_for_fresh_connections(cluster)

        def retried() -> bool:
            wire.say("RSET")
            if not wire.say(f"MAIL FROM:<{door.sender}>").startswith("250 "):
                return False
            if not wire.say("RCPT TO:<a@example.com>").startswith("250 "):
                return False
            wire.say("DATA")
            wire.send(message + b".\r\n")
            return wire.reply().startswith("250 ")

        wait_for(retried, "the message to be taken")
    wait_for(lambda: relay.received(own), "the message to arrive")
    assert len(relay.received(own)) == 1
    assert len(api.get("/api/logs", params={"search": own}).json()["logs"]) == 1
