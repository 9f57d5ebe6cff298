"""`check_host` of RFC 7208: whether a host may send for a domain, with the limits of §4.6.4.

Explanations (`exp=`) are not fetched: they are for those who refuse mail. This is an evaluator of our own,
because pyspf holds its resolver in a global, has no wheel, and does not tell what its lookups cost.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from shared.domain_checks.answers import Answer, Ask
from shared.domain_checks.spf_macros import Mail, expand
from shared.domain_checks.spf_terms import Mechanism, Record, SpfSyntaxError, is_spf, parse_spf

MOST_LOOKUPS, MOST_VOIDS = 10, 2
_MOST_HOSTS = 10
_LABEL = re.compile(r"[^.]{1,63}")


@dataclass(frozen=True)
class SpfResult:
    """none, neutral, pass, fail, softfail, temperror or permerror; what decided it; what it cost."""

    result: str
    reason: str
    lookups: int = 0
    voids: int = 0


class _PermError(Exception):
    """The record can't be understood, or costs too much."""


class _TempError(Exception):
    """The DNS is in trouble."""


def check_host(ask: Ask, ip: str, sender: str, helo: str) -> SpfResult:
    """Whether the host `ip` may send mail from `sender` (empty: a bounce, judged by `helo`)."""
    address = ip_address(ip)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    mail = Mail(mapped or address, sender or f"postmaster@{helo}", helo)
    evaluation = _Evaluation(ask, mail)
    try:
        result, reason = evaluation.check(mail.domain)
    except _PermError as error:
        result, reason = "permerror", str(error)
    except _TempError as error:
        result, reason = "temperror", str(error)
    return SpfResult(result, reason, evaluation.lookups, evaluation.voids)


class _Evaluation:
    """One evaluation; what it has cost so far is shared by all records it comes to."""

    def __init__(self, ask: Ask, mail: Mail) -> None:
        self._ask = ask
        self._mail = mail
        self.lookups = 0
        self.voids = 0

    def check(self, domain: str) -> tuple[str, str]:
        """(result, what decided it) of a domain's record."""
        record = self._record(domain)
        if record is None:
            return "none", f"{domain} has no SPF record"
        for mechanism in record.mechanisms:
            if self._matches(mechanism, domain):
                return mechanism.result, f"{mechanism.text} of {domain}"
        if record.redirect is None:
            return "neutral", f"nothing in the record of {domain} matches"
        self._count_lookup()
        target = self._expand(record.redirect, domain)
        result, reason = self.check(target)
        if result == "none":
            raise _PermError(f"redirect={target}: {reason}")
        return result, reason

    def _record(self, domain: str) -> Record | None:
        if not _is_host_name(domain):
            return None
        answer = self._ask(domain, "TXT")
        if answer.inconclusive:
            raise _TempError(f"the DNS does not answer for {domain}")
        found = [text for text in answer.values if is_spf(text)]
        if len(found) > 1:
            raise _PermError(f"{domain} has {len(found)} SPF records; only one is allowed")
        try:
            return parse_spf(found[0]) if found else None
        except SpfSyntaxError as error:
            raise _PermError(f"the record of {domain}: {error}") from None

    def _matches(self, mechanism: Mechanism, domain: str) -> bool:
        name = mechanism.name
        if name == "all":
            return True
        if name in ("ip4", "ip6"):
            return self._within(mechanism.target, mechanism)
        self._count_lookup()
        target = self._expand(mechanism.target, domain) if mechanism.target else domain
        if name == "include":
            return self._included(target)
        if name == "exists":
            return bool(self._look_up(target, "A").values)
        if name == "ptr":
            return any(_below(host, target) for host in self._validated_hosts())
        hosts = [target]
        if name == "mx":
            hosts = [host for host in self._look_up(target, "MX").values if host]
            if len(hosts) > _MOST_HOSTS:
                raise _PermError(f"{target} has more than {_MOST_HOSTS} mail hosts")
        return any(self._within(found, mechanism) for host in hosts for found in self._addresses(host))

    def _included(self, target: str) -> bool:
        result, reason = self.check(target)
        if result == "none":
            raise _PermError(f"include:{target}: {reason}")
        return result == "pass"

    def _within(self, address: str, mechanism: Mechanism) -> bool:
        other = ip_address(address)
        if other.version != self._mail.ip.version:
            return False
        length = mechanism.cidr4 if other.version == 4 else mechanism.cidr6
        return self._mail.ip in ip_network(f"{other}/{length}", strict=False)

    def _addresses(self, host: str) -> tuple[str, ...]:
        return self._look_up(host, self._kind).values

    @property
    def _kind(self) -> str:
        return "A" if isinstance(self._mail.ip, IPv4Address) else "AAAA"

    def _validated_hosts(self) -> list[str]:
        """The names of the host that lead back to it (§5.5); trouble on the way is none."""
        answer = self._ask(self._mail.ip.reverse_pointer, "PTR")
        self._count_void(answer)
        return [
            host
            for host in answer.values[:_MOST_HOSTS]
            if str(self._mail.ip) in map(_plain, self._ask(host, self._kind).values)
        ]

    def _expand(self, spec: str, domain: str) -> str:
        def validated() -> str:
            hosts = self._validated_hosts()
            same = [host for host in hosts if host == domain] or [
                host for host in hosts if _below(host, domain)
            ]
            return (same or hosts or ["unknown"])[0]

        return expand(spec, self._mail, domain, validated)

    def _look_up(self, name: str, kind: str) -> Answer:
        answer = self._ask(name, kind)
        if answer.inconclusive:
            raise _TempError(f"the DNS does not answer for {name}")
        self._count_void(answer)
        return answer

    def _count_lookup(self) -> None:
        self.lookups += 1
        if self.lookups > MOST_LOOKUPS:
            raise _PermError(f"it takes more than {MOST_LOOKUPS} DNS lookups")

    def _count_void(self, answer: Answer) -> None:
        self.voids += answer.void
        if self.voids > MOST_VOIDS:
            raise _PermError(f"more than {MOST_VOIDS} of its lookups find nothing")


def _is_host_name(domain: str) -> bool:
    labels = domain.removesuffix(".").split(".")
    return len(labels) > 1 and len(domain) <= 254 and all(map(_LABEL.fullmatch, labels)) and "[" not in domain


def _below(host: str, domain: str) -> bool:
    return f".{host}".lower().endswith(f".{domain}".lower())


def _plain(address: str) -> str:
    return str(ip_address(address))
