"""Who receives mail for one domain (RFC 5321 §5.1, RFC 7505), asked of the DNS itself.

Trouble is an answer of its own: a timeout or a SERVFAIL makes a domain `unknown`, never undeliverable.
Whether the hosts that a domain names have addresses is not asked: the MTA finds out, and tries for days.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import dns.exception
import dns.name
import dns.resolver

from shared.dns import ask, negative_ttl

MX = "mx"
ADDRESS = "address"
NULL_MX = "null_mx"
NO_MAIL = "no_mail"
NXDOMAIN = "nxdomain"
UNKNOWN = "unknown"

STATUSES = (MX, ADDRESS, NULL_MX, NO_MAIL, NXDOMAIN, UNKNOWN)

#: Bounds of what a TTL can say (seconds), and how long nothing is asked again where nothing was learnt.
SHORTEST, LONGEST, UNKNOWN_FOR = 30.0, 3_600.0, 5.0


@dataclass(frozen=True, slots=True)
class MailHosts:
    """Where mail for a domain goes: `hosts` in order of preference, and how long (seconds) that is good.

    status: `mx`; `address` (no MX, but an address: the domain itself receives); `null_mx` (says that it
    receives no mail); `no_mail` (exists, with neither); `nxdomain`; `unknown` (the DNS is in trouble).
    """

    status: str
    hosts: tuple[str, ...] = ()
    ttl: float = UNKNOWN_FOR


class _Asking:
    """One domain's questions, under one deadline for all of them."""

    def __init__(self, domain: str, asked: dns.resolver.Resolver) -> None:
        self._name = dns.name.from_text(domain)
        self._asked = asked
        self._deadline = time.monotonic() + asked.lifetime

    def __call__(self, kind: str) -> dns.resolver.Answer:
        left = max(self._deadline - time.monotonic(), 0.01)
        return ask(self._asked, self._name, kind, left)


def find_mail_hosts(domain: str, asked: dns.resolver.Resolver) -> MailHosts:
    """Where mail for `domain` (A-labels, lower case) goes: MX, else A or AAAA."""
    try:
        ask = _Asking(domain, asked)
        answer = ask("MX")
    except dns.resolver.NXDOMAIN as error:
        return MailHosts(NXDOMAIN, ttl=_bounded(negative_ttl(error.kwargs["responses"].values())))
    except dns.resolver.NoAnswer as error:
        return _by_address(domain, ask, negative_ttl([error.kwargs["response"]]))
    except (dns.name.LabelTooLong, dns.name.NameTooLong, dns.name.EmptyLabel):
        return MailHosts(NXDOMAIN, ttl=LONGEST)
    except dns.exception.DNSException:
        return MailHosts(UNKNOWN)
    by_preference = sorted((record.preference, str(record.exchange).rstrip(".").lower()) for record in answer)
    hosts = tuple(host for _, host in by_preference if host)
    return MailHosts(MX, hosts, _ttl(answer)) if hosts else MailHosts(NULL_MX, ttl=_ttl(answer))


def _by_address(domain: str, ask: _Asking, negative: float) -> MailHosts:
    for kind in ("A", "AAAA"):
        try:
            answer = ask(kind)
        except (dns.resolver.NoAnswer, dns.resolver.NXDOMAIN):
            continue
        except dns.exception.DNSException:
            return MailHosts(UNKNOWN)
        return MailHosts(ADDRESS, (domain,), _ttl(answer))
    return MailHosts(NO_MAIL, ttl=_bounded(negative))


def _ttl(answer: dns.resolver.Answer) -> float:
    return _bounded(answer.rrset.ttl if answer.rrset else 0)


def _bounded(ttl: float) -> float:
    return min(max(ttl, SHORTEST), LONGEST)
