"""Where customers' endpoints may be: the guard against requests into our own network (SSRF).

Asked at the moment of connecting, for the very address that is connected to: a name that resolves to
something else a moment later (DNS rebinding) gains nothing. Everything that is not plainly public is refused:
private, loopback, link-local (cloud metadata), carrier-grade NAT, multicast, reserved, and IPv6 that carries
IPv4 (mapped, 6to4, NAT64, Teredo) of that kind. `MAILMATIC_WEBHOOK_NETWORKS` lists exceptions.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import dns.exception
import dns.resolver

from shared.dns import resolver
from shared.settings import settings

Address = IPv4Address | IPv6Address

#: Special by IANA's registries, whatever this Python's `ipaddress` says of them.
_SPECIAL = tuple(
    ip_network(text) for text in ("192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", "100.64.0.0/10")
)
_NAT64 = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"))


class Forbidden(Exception):
    """The target is not a place we send requests to; the message says why, for its owner."""


class Unreachable(Exception):
    """Nobody answers there, or its name is not known."""


def connect(host: str, port: int, *, tls: bool, timeout: float) -> socket.socket:
    """A TCP connection to an address of `host` that may be connected to.

    Raises:
        Forbidden: it has none such, or is plain HTTP outside the listed networks.
        Unreachable: the name is unknown, or no address answers.
    """
    found = resolve(host)
    allowed = [address for address in found if is_allowed(address, tls=tls)]
    if not allowed:
        raise Forbidden(_why(found, tls=tls))
    trouble: OSError | None = None
    for address in allowed[:3]:
        try:
            return socket.create_connection((str(address), port), timeout)
        except OSError as error:
            trouble = error
    raise Unreachable(str(trouble))


def resolve(host: str) -> list[Address]:
    """The addresses of `host`, IPv4 first.

    Raises:
        Unreachable: it has none.
    """
    literal = host.strip("[]")
    try:
        return [ip_address(literal)]
    except ValueError:
        pass
    if host.rstrip(".").lower() == "localhost":  # in no DNS
        return [ip_address("127.0.0.1"), ip_address("::1")]
    try:
        answers = resolver().resolve_name(host)
    except (dns.exception.DNSException, OSError) as error:
        raise Unreachable(f"{host} does not resolve: {type(error).__name__}") from error
    return sorted((ip_address(text) for text in answers.addresses()), key=lambda item: item.version)


def is_allowed(address: Address, *, tls: bool) -> bool:
    """Whether requests may go to `address`; without TLS only to the listed networks."""
    inner = _inner(address)
    if any(item.version == network.version and item in network for item in inner for network in _listed()):
        return True
    return tls and all(_is_public(item) for item in inner)


def _inner(address: Address) -> Sequence[Address]:
    """The address, and the IPv4 address that it carries."""
    if isinstance(address, IPv4Address):
        return [address]
    if address.ipv4_mapped:
        return [address.ipv4_mapped]
    if address.sixtofour:
        return [address, address.sixtofour]
    if address.teredo:
        return [address, *address.teredo]
    if any(address in network for network in _NAT64):
        return [IPv4Address(int(address) & 0xFFFFFFFF)]
    return [address]


def _is_public(address: Address) -> bool:
    if any(address.version == 4 and address in network for network in _SPECIAL):
        return False
    return address.is_global and not (
        address.is_multicast or address.is_reserved or address.is_link_local or address.is_unspecified
    )


@cache
def _listed() -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(text, strict=False) for text in settings().webhook_networks)


def _why(found: Sequence[Address], *, tls: bool) -> str:
    if not tls and any(is_allowed(address, tls=True) for address in found):
        return "Plain HTTP is not used; give an https:// address."
    return "The address is in a network that webhooks are not sent to."
