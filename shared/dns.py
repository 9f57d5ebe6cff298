"""Who receives mail for a domain (RFC 5321 §5.1, RFC 7505), as the DNS says, cached.

Trouble is an answer of its own: a timeout or a SERVFAIL makes a domain `unknown`, never undeliverable.
Answers are kept for their TTL, bounded, in this process and in Redis; what is unknown for seconds, here only.
"""

from __future__ import annotations

import ipaddress
import json
import time
from collections import OrderedDict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from functools import cache
from threading import Lock

import dns.exception
import dns.message
import dns.name
import dns.rdatatype
import dns.resolver
import redis as redis_errors
from dns.nameserver import Do53Nameserver

from shared import redis
from shared.observability import get_logger
from shared.settings import settings

log = get_logger("dns")

MX = "mx"
ADDRESS = "address"
NULL_MX = "null_mx"
NO_MAIL = "no_mail"
NXDOMAIN = "nxdomain"
UNKNOWN = "unknown"

#: The statuses by which a domain can provably not receive mail.
UNDELIVERABLE = (NULL_MX, NO_MAIL, NXDOMAIN)

_SHORTEST, _LONGEST, _UNKNOWN_FOR = 30.0, 3_600.0, 5.0
_KEPT = 20_000
_THREADS = 16


@dataclass(frozen=True, slots=True)
class MailHosts:
    """Where mail for a domain goes: `hosts` in order of preference, and how long (seconds) that is good.

    status: `mx`; `address` (no MX, but an address: the domain itself receives); `null_mx` (says that it
    receives no mail); `no_mail` (exists, with neither); `nxdomain`; `unknown` (the DNS is in trouble).
    """

    status: str
    hosts: tuple[str, ...] = ()
    ttl: float = _UNKNOWN_FOR


class _Kept:
    """Answers of this process, bounded: the oldest goes first."""

    def __init__(self) -> None:
        self._entries: OrderedDict[str, tuple[float, MailHosts]] = OrderedDict()
        self._lock = Lock()

    def get(self, domain: str) -> MailHosts | None:
        with self._lock:
            entry = self._entries.get(domain)
        return entry[1] if entry and entry[0] > time.monotonic() else None

    def put(self, domain: str, answer: MailHosts) -> None:
        with self._lock:
            self._entries[domain] = (time.monotonic() + answer.ttl, answer)
            while len(self._entries) > _KEPT:
                self._entries.popitem(last=False)


_kept = _Kept()


@cache
def resolver() -> dns.resolver.Resolver:
    """The resolver of the settings, with their deadline."""
    config = settings()
    made = dns.resolver.Resolver(configure=not config.dns_resolvers)
    if config.dns_resolvers:
        made.nameservers = [_nameserver(text) for text in config.dns_resolvers]
    made.lifetime = config.dns_timeout_seconds
    made.timeout = config.dns_timeout_seconds / 2
    return made


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_THREADS, thread_name_prefix="dns")


def mail_hosts(domains: Iterable[str]) -> dict[str, MailHosts]:
    """Where mail for each of `domains` (A-labels, lower case) goes; many at once, under one deadline."""
    wanted = list(dict.fromkeys(domains))
    found = {domain: answer for domain in wanted if (answer := _kept.get(domain))}
    missing = [domain for domain in wanted if domain not in found]
    if missing:
        found |= _from_redis(missing)
        found |= _look_up([domain for domain in missing if domain not in found])
    return found


def find_mail_hosts(domain: str, asked: dns.resolver.Resolver) -> MailHosts:
    """One domain, asked of the DNS itself: MX, else A or AAAA."""
    try:
        answer = asked.resolve(dns.name.from_text(domain), "MX")
    except dns.resolver.NXDOMAIN as error:
        return MailHosts(NXDOMAIN, ttl=_bounded(_negative_ttl(error.kwargs["responses"].values())))
    except dns.resolver.NoAnswer as error:
        return _by_address(domain, asked, _negative_ttl([error.kwargs["response"]]))
    except (dns.name.LabelTooLong, dns.name.NameTooLong, dns.name.EmptyLabel):
        return MailHosts(NXDOMAIN, ttl=_LONGEST)
    except dns.exception.DNSException:
        return MailHosts(UNKNOWN)
    ttl = _bounded(answer.rrset.ttl if answer.rrset else 0)
    by_preference = sorted((record.preference, str(record.exchange).rstrip(".").lower()) for record in answer)
    hosts = tuple(host for _, host in by_preference if host)
    return MailHosts(MX, hosts, ttl) if hosts else MailHosts(NULL_MX, ttl=ttl)


def _by_address(domain: str, asked: dns.resolver.Resolver, negative: float) -> MailHosts:
    for kind in ("A", "AAAA"):
        try:
            answer = asked.resolve(domain, kind)
        except (dns.resolver.NoAnswer, dns.resolver.NXDOMAIN):
            continue
        except dns.exception.DNSException:
            return MailHosts(UNKNOWN)
        return MailHosts(ADDRESS, (domain,), _bounded(answer.rrset.ttl if answer.rrset else 0))
    return MailHosts(NO_MAIL, ttl=_bounded(negative))


def _look_up(domains: list[str]) -> dict[str, MailHosts]:
    if not domains:
        return {}
    asked = {domain: _pool().submit(find_mail_hosts, domain, resolver()) for domain in domains}
    wait(asked.values(), timeout=settings().dns_timeout_seconds)
    found = {
        domain: future.result() if future.done() and not future.cancelled() else MailHosts(UNKNOWN)
        for domain, future in asked.items()
    }
    for domain, future in asked.items():
        future.cancel()
        _kept.put(domain, found[domain])
    _to_redis({domain: answer for domain, answer in found.items() if answer.status != UNKNOWN})
    return found


def _from_redis(domains: list[str]) -> dict[str, MailHosts]:
    try:
        texts = redis.client().mget([_key(domain) for domain in domains])
    except redis_errors.RedisError:
        return {}
    found: dict[str, MailHosts] = {}
    for domain, text in zip(domains, texts, strict=True):
        if text:
            stored = json.loads(text)
            found[domain] = MailHosts(stored["status"], tuple(stored["hosts"]), _SHORTEST)
            _kept.put(domain, found[domain])
    return found


def _to_redis(found: dict[str, MailHosts]) -> None:
    if not found:
        return
    try:
        with redis.client().pipeline(transaction=False) as pipe:
            for domain, answer in found.items():
                pipe.set(_key(domain), json.dumps(asdict(answer)), ex=int(answer.ttl))
            pipe.execute()
    except redis_errors.RedisError as error:
        log.debug("dns.not_cached", reason=str(error))


def _key(domain: str) -> str:
    return f"dns:mail:{domain}"


def _nameserver(text: str) -> Do53Nameserver:
    """`192.0.2.1`, `192.0.2.1:5353`, `[2001:db8::1]:53`."""
    address, _, port = text.rpartition(":") if "]" in text or text.count(":") == 1 else (text, "", "53")
    address = address.strip("[]")
    ipaddress.ip_address(address)  # a name would have to be resolved first
    return Do53Nameserver(address, int(port or 53))


def _negative_ttl(responses: Iterable[dns.message.Message]) -> float:
    """How long an absence may be believed: the SOA's say (RFC 2308 §5)."""
    for response in responses:
        for rrset in response.authority:
            if rrset.rdtype == dns.rdatatype.SOA:
                return float(min(rrset.ttl, rrset[0].minimum))
    return 300.0


def _bounded(ttl: float) -> float:
    return min(max(ttl, _SHORTEST), _LONGEST)
