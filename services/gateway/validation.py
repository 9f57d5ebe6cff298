"""Is this an address that mail can reach? Syntax, mail hosts, and what is known about such addresses.

The send path asks the same (`undeliverable`). The DNS being in trouble makes an answer `unknown`, never
`invalid`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches

from disposable_email_domains import blocklist

from shared import dns
from shared.addresses import Address, AddressError, parse_address

VALID, INVALID, UNKNOWN = "valid", "invalid", "unknown"

#: Mailboxes of functions, not people (RFC 2142 and custom).
ROLES = frozenset(
    [
        "abuse",
        "accounts",
        "admin",
        "administrator",
        "billing",
        "contact",
        "enquiries",
        "ftp",
        "help",
        "helpdesk",
        "hello",
        "hostmaster",
        "hr",
        "info",
        "investors",
        "jobs",
        "legal",
        "mailer-daemon",
        "marketing",
        "media",
        "news",
        "newsletter",
        "no-reply",
        "noc",
        "noreply",
        "office",
        "operations",
        "orders",
        "postmaster",
        "press",
        "privacy",
        "recruiting",
        "root",
        "sales",
        "security",
        "service",
        "spam",
        "support",
        "team",
        "usenet",
        "uucp",
        "webmaster",
        "www",
    ]
)

#: Where most people have their mail: what a slip of the finger was probably meant to be.
PROVIDERS = (
    "gmail.com", "googlemail.com", "yahoo.com", "yahoo.co.uk", "yahoo.co.in", "yahoo.fr", "hotmail.com",
    "hotmail.co.uk", "hotmail.fr", "outlook.com", "live.com", "msn.com", "icloud.com", "me.com", "mac.com",
    "aol.com", "protonmail.com", "proton.me", "gmx.de", "gmx.net", "gmx.com", "web.de", "t-online.de",
    "mail.ru", "yandex.ru", "rediffmail.com", "zoho.com", "fastmail.com", "comcast.net", "verizon.net",
    "orange.fr", "free.fr", "libero.it", "qq.com", "163.com",
)  # fmt: skip
_CLOSE_ENOUGH = 0.84

_WHY_NOT = {
    dns.NXDOMAIN: "The domain does not exist.",
    dns.NULL_MX: "The domain says that it receives no mail (RFC 7505).",
    dns.NO_MAIL: "The domain has neither mail servers nor an address.",
}


@dataclass(frozen=True)
class Checked:
    """What is known of one address. `mx` is None when the syntax already says no."""

    email: str
    result: str
    code: str
    reason: str
    address: Address | None = None
    mx: dns.MailHosts | None = None
    suppressed: str | None = None
    did_you_mean: str | None = None
    facts: dict[str, bool] = field(default_factory=dict)


def check(email: str, suppressed: str | None = None) -> Checked:
    """Everything about `email` but its suppression, which the caller looked up (its reason, or None)."""
    try:
        address = parse_address(email)
    except AddressError as error:
        return Checked(email, INVALID, "invalid_syntax", str(error), did_you_mean=suggestion(email))
    if address.name is not None:
        return Checked(email, INVALID, "invalid_syntax", "Give the bare address, without a name.")
    hosts = dns.mail_hosts([address.domain])[address.domain]
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
    found = dns.mail_hosts(domains)
    return {domain: _WHY_NOT[hosts.status] for domain, hosts in found.items() if hosts.status in _WHY_NOT}


def is_role(local: str) -> bool:
    """Whether a local part names a function: `sales`, `sales+de`."""
    return local.partition("+")[0].lower() in ROLES


def is_disposable(domain: str) -> bool:
    """Whether a domain, or one above it, is on the list of throw-away providers."""
    labels = domain.split(".")
    return any(".".join(labels[start:]) in blocklist for start in range(len(labels) - 1))


def suggestion(email: str) -> str | None:
    """The address that was probably meant, when the domain is nearly that of a big provider."""
    local, at, domain = email.strip().rpartition("@")
    domain = domain.lower()
    if not at or not local or domain in PROVIDERS:
        return None
    close = get_close_matches(domain, PROVIDERS, n=1, cutoff=_CLOSE_ENOUGH)
    return f"{local}@{close[0]}" if close else None


def _judged(hosts: dns.MailHosts, suppressed: str | None) -> tuple[str, str, str]:
    if hosts.status in _WHY_NOT:
        return INVALID, hosts.status, _WHY_NOT[hosts.status]
    if suppressed:
        return INVALID, "suppressed", f"The address is suppressed ({suppressed})."
    if hosts.status == dns.UNKNOWN:
        return (
            UNKNOWN,
            "dns_unknown",
            "The DNS did not answer; whether the domain receives mail is not known.",
        )
    return VALID, "deliverable", "The syntax is right and the domain receives mail."
