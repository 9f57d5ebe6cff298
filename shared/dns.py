"""The DNS, asked through the resolvers of the settings: no answer is waited for longer than they say."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import dns.message
import dns.rdatatype
import dns.resolver
from dns.nameserver import Do53Nameserver

from shared.settings import settings

#: How long an absence is believed whose answer names no SOA (seconds).
_UNSAID = 300.0


@cache
def resolver() -> dns.resolver.Resolver:
    """The resolver of the settings (default: the system's), with their deadline.

    Raises:
        dns.resolver.NoResolverConfiguration: there is none.
    """
    config = settings()
    made = dns.resolver.Resolver(configure=not config.dns_resolvers.all)
    if config.dns_resolvers.all:
        made.nameservers = [Do53Nameserver(host, port) for host, port in config.dns_resolvers.all]
    made.lifetime = config.dns_timeout_seconds
    made.timeout = config.dns_timeout_seconds / 2
    return made


def negative_ttl(responses: Iterable[dns.message.Message]) -> float:
    """How long (seconds) an absence may be believed: the SOA's say (RFC 2308 §5)."""
    for response in responses:
        for rrset in response.authority:
            if rrset.rdtype == dns.rdatatype.SOA:
                return float(min(rrset.ttl, rrset[0].minimum))
    return _UNSAID
