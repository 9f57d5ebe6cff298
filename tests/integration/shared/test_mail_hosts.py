"""Mail hosts of many domains: what is asked when, and what is done about silence."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest
from dns.nameserver import Do53Nameserver
from dns.resolver import Resolver

from deploy.local.ports import HOST
from shared import mail_hosts, mx
from shared.mail_hosts import mail_hosts as look_up
from shared.settings import Settings
from tests.fixtures.dns_server import Dns, fresh
from tests.fixtures.waiting import wait_for


@pytest.fixture
def deaf() -> Iterator[socket.socket]:
    """A socket that takes questions and never answers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taking:
        taking.bind((HOST, 0))
        taking.setblocking(False)
        yield taking


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, deaf: socket.socket) -> Resolver:
    """The resolver of a process that knows nothing yet, is patient for 0.3 s, and has the deaf one."""
    made = Resolver(configure=False)
    made.nameservers = [Do53Nameserver(HOST, deaf.getsockname()[1])]
    made.lifetime = made.timeout = 0.3
    config = replace(Settings(), dns_timeout_seconds=0.3)
    monkeypatch.setattr(mail_hosts, "_kept", mail_hosts._Kept())
    monkeypatch.setattr(mail_hosts, "_silence", mail_hosts._Silence())
    monkeypatch.setattr(mail_hosts, "resolver", lambda: made)
    monkeypatch.setattr(mail_hosts, "settings", lambda: config)
    return made


def questions(deaf: socket.socket) -> int:
    """How many came since this was asked last."""
    count = 0
    while True:
        try:
            deaf.recv(4096)
        except BlockingIOError:
            return count
        count += 1


@pytest.mark.usefixtures("asked")
def test_nobody_waits_for_a_dns_that_was_silent_several_times_running(deaf: socket.socket) -> None:
    for _ in range(3):
        domain = fresh()
        assert look_up([domain])[domain].status == mx.UNKNOWN
    assert questions(deaf) > 0
    domain = fresh()
    assert look_up([domain])[domain].status == mx.UNKNOWN
    assert questions(deaf) == 0
    # and it is asked again when the pause is over
    wait_for(lambda: look_up([fresh()]) and questions(deaf), "another question")


def test_dns_that_answers_in_between_is_waited_for(asked: Resolver, deaf: socket.socket, dns: Dns) -> None:
    silent, answering = asked.nameservers, [Do53Nameserver(HOST, dns.port)]
    for _ in range(3):
        for nameservers, status in ((silent, mx.UNKNOWN), (answering, mx.NXDOMAIN)):
            asked.nameservers = nameservers
            domain = fresh()
            assert look_up([domain])[domain].status == status
    asked.nameservers = silent
    questions(deaf)
    look_up([fresh()])
    assert questions(deaf) > 0


@pytest.mark.usefixtures("asked")
def test_domain_is_asked_once_however_often_it_is_named(asked: Resolver, dns: Dns) -> None:
    domain = fresh()
    dns.set(domain, "MX", f"10 mx.{domain}.")
    asked.nameservers = [Do53Nameserver(HOST, dns.port)]
    assert look_up([domain, domain])[domain].status == mx.MX
    dns.remove(domain)
    assert look_up([domain])[domain].status == mx.MX


def test_unknown_is_not_asked_again_at_once(asked: Resolver, deaf: socket.socket) -> None:
    domain = fresh()
    look_up([domain])
    assert questions(deaf) > 0
    assert look_up([domain])[domain].status == mx.UNKNOWN
    assert questions(deaf) == 0


def test_answer_that_comes_late_is_kept(asked: Resolver, dns: Dns) -> None:
    domain = fresh()
    dns.set(domain, "MX", f"10 mx.{domain}.")
    # longer than the process is patient, whoever asks: only the late answer can be the one that is found
    asked.nameservers.append(Do53Nameserver(HOST, dns.port))
    asked.lifetime, asked.timeout = 5.0, 0.8
    assert look_up([domain])[domain].status == mx.UNKNOWN
    wait_for(lambda: look_up([domain])[domain].status == mx.MX, "the late answer")


def test_no_resolver_at_all_is_unknown(asked: Resolver, monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> Resolver:
        return Resolver(filename="/nonexistent")

    monkeypatch.setattr(mail_hosts, "resolver", none)
    domain = fresh()
    assert look_up([domain])[domain].status == mx.UNKNOWN
