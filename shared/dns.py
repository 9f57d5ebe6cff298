"""The DNS, asked through the resolvers of the settings: no answer is waited for longer than they say."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import dns.exception
import dns.message
import dns.name
import dns.rdatatype
import dns.resolver
from dns.nameserver import Do53Nameserver

from shared.metrics import Counter, Histogram
from shared.settings import settings

#: How long an absence is believed whose answer names no SOA (seconds).
_UNSAID = 300.0


_SECONDS = Histogram(
    "mailmatic_dns_seconds", "How long the DNS took to answer.", buckets=(0.005, 0.02, 0.1, 0.5, 2.0, 10.0)
)
_TROUBLE = Counter("mailmatic_dns_trouble_total", "Questions to which the DNS had no answer in time.")


def ask(asked: dns.resolver.Resolver, name: dns.name.Name, kind: str, lifetime: float) -> dns.resolver.Answer:
    """What `asked` answers within `lifetime` seconds, counted.

    Raises:
        dns.resolver.NXDOMAIN, dns.resolver.NoAnswer: there is nothing; DNSException, OSError: nobody knows.
    """
    try:
        with _SECONDS.time():
            return asked.resolve(name, kind, lifetime=lifetime)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        raise
    except (dns.exception.DNSException, OSError):
        _TROUBLE.inc()
        raise


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
