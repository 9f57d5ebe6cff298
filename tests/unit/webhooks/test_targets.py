"""Which addresses webhooks may go to."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

import pytest

from services.webhooks import targets
from shared.settings import settings


@pytest.fixture(autouse=True)
def _no_networks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("MAILMATIC_WEBHOOK_NETWORKS", raising=False)
    for cached in (settings, targets._listed):
        cached.cache_clear()
    yield
    for cached in (settings, targets._listed):
        cached.cache_clear()


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "0.0.0.0",  # noqa: S104
        "255.255.255.255", "224.0.0.1", "240.0.0.1", "192.0.0.8", "198.18.0.1", "192.0.2.1",
        "::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1", "::ffff:127.0.0.1",
        "::ffff:169.254.169.254", "2002:7f00:1::", "2002:a9fe:a9fe::1", "64:ff9b::a9fe:a9fe",
        "64:ff9b::7f00:1", "64:ff9b:1::a00:1", "2001:0:7f00:1::1", "::127.0.0.1",
    ],
)  # fmt: skip
def test_address_that_is_not_plainly_public_is_refused(address: str) -> None:
    assert not targets.is_allowed(ip_address(address), tls=True)


@pytest.mark.parametrize(
    "address", ["93.184.215.14", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_public_address_is_allowed_by_https_alone(address: str) -> None:
    assert targets.is_allowed(ip_address(address), tls=True)
    assert not targets.is_allowed(ip_address(address), tls=False)


def test_listed_network_is_allowed_and_nothing_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILMATIC_WEBHOOK_NETWORKS", "10.1.0.0/16, ::1/128")
    settings.cache_clear()
    assert targets.is_allowed(ip_address("10.1.2.3"), tls=False)
    assert targets.is_allowed(ip_address("::1"), tls=True)
    assert not targets.is_allowed(ip_address("10.2.0.1"), tls=True)
    assert not targets.is_allowed(ip_address("127.0.0.1"), tls=True)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "169.254.169.254"])
def test_nobody_connects_to_a_forbidden_target(host: str) -> None:
    with pytest.raises(targets.Forbidden):
        targets.connect(host, 80, tls=True, timeout=1)
