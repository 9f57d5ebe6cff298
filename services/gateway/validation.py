"""Is this an address that mail can reach? Syntax, mail hosts, and what is known about such addresses.

The send path asks the same (`undeliverable`). The DNS being in trouble makes an answer `unknown`, never
`invalid`. The simulator and the sandbox are in no DNS, which is not asked about them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from services.gateway.address_facts import is_disposable, is_role, suggestion
from shared import mx
from shared.addresses import Address, AddressError, parse_address
from shared.mail_hosts import mail_hosts
from shared.mx import MailHosts
from shared.sandbox import is_unresolved

VALID, INVALID, UNKNOWN = "valid", "invalid", "unknown"

_WHY_NOT = {
    mx.NXDOMAIN: "The domain does not exist.",
    mx.NULL_MX: "The domain says that it receives no mail (RFC 7505).",
    mx.NO_MAIL: "The domain has neither mail servers nor an address.",
}


@dataclass(frozen=True)
class Checked:
    """What is known of one address. `mx` is None where the DNS was not asked."""

    email: str
    result: str
    code: str
    reason: str
    address: Address | None = None
    mx: MailHosts | None = None
    suppressed: str | None = None
    did_you_mean: str | None = None
    facts: dict[str, bool] = field(default_factory=dict)


def check(email: str, suppression_of: Callable[[Address], str | None]) -> Checked:
    """Everything about `email`.

    Args:
        suppression_of: the reason why an address is suppressed, or None; asked before the DNS is.
    """
    try:
        address = parse_address(email)
    except AddressError as error:
        return Checked(email, INVALID, "invalid_syntax", str(error), did_you_mean=suggestion(email))
    if address.name is not None or "<" in email:
        return Checked(email, INVALID, "invalid_syntax", "Give the bare address, without a name.")
    suppressed = suppression_of(address)
    hosts = None if is_unresolved(address.domain) else mail_hosts([address.domain])[address.domain]
    result, code, reason = _judged(hosts, suppressed)
    return Checked(
        email,
        result,
        code,
        reason,
        address,
        hosts,
        suppressed,
        suggestion(address.email),
        {"role_account": is_role(address.local), "disposable": is_disposable(address.domain)},
    )


def undeliverable(domains: Iterable[str]) -> dict[str, str]:
    """The domains (A-labels) that provably receive no mail, each with a sentence that says why."""
    found = mail_hosts(domain for domain in domains if not is_unresolved(domain))
    return {domain: _WHY_NOT[hosts.status] for domain, hosts in found.items() if hosts.status in _WHY_NOT}


def _judged(hosts: MailHosts | None, suppressed: str | None) -> tuple[str, str, str]:
    if hosts and hosts.status in _WHY_NOT:
        return INVALID, hosts.status, _WHY_NOT[hosts.status]
    if suppressed:
        return INVALID, "suppressed", f"The address is suppressed ({suppressed})."
    if hosts is None:
        return VALID, "deliverable", "The syntax is right and the domain is one of this install's own."
    if hosts.status == mx.UNKNOWN:
        unknown = "The DNS did not answer; whether the domain receives mail is not known."
        return UNKNOWN, "dns_unknown", unknown
    return VALID, "deliverable", "The syntax is right and the domain receives mail."
