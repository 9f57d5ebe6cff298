"""The DNS, and what customers' domains are checked for."""

from __future__ import annotations

from dataclasses import dataclass

from shared.ip_addresses import IpAddresses
from shared.resolvers import Resolvers
from shared.settings.declared import setting


@dataclass(frozen=True)
class Domains:
    """The DNS, and what customers' domains are checked for."""

    dns_resolvers: Resolvers = setting(
        "MAILMATIC_DNS_RESOLVERS",
        Resolvers(""),
        "Resolvers as ip, ip:port or [ipv6]:port, comma separated; empty: the system's.",
    )
    dns_timeout_seconds: float = setting(
        "MAILMATIC_DNS_TIMEOUT_SECONDS",
        2.0,
        "Longest wait for the DNS; what is not known by then is unknown.",
    )
    mx_check: bool = setting(
        "MAILMATIC_MX_CHECK",
        True,
        "on, or off: whether an email is refused if the domain of a recipient provably receives no mail. "
        "Trouble in the DNS refuses nothing.",
    )
    spf_include: str = setting(
        "MAILMATIC_SPF_INCLUDE",
        "",
        "The name whose SPF record lists our sending hosts, which customers' records include; empty: spf. "
        "before the host of MAILMATIC_PUBLIC_URL.",
    )
    return_path_host: str = setting(
        "MAILMATIC_RETURN_PATH_HOST",
        "",
        "The host (with MX and SPF) that customers' bounces.<domain> are aliases of; empty: bounces. before "
        "the host of MAILMATIC_PUBLIC_URL.",
    )
    tracking_host: str = setting(
        "MAILMATIC_TRACKING_HOST",
        "",
        "The host that customers' links.<domain> are aliases of; empty: the host of MAILMATIC_PUBLIC_URL.",
    )
    sending_ips: IpAddresses = setting(
        "MAILMATIC_SENDING_IPS",
        IpAddresses(""),
        "Addresses that our mail leaves from, comma separated: customers' SPF is evaluated for each. Empty: "
        "it is only looked for our include.",
    )
    domain_check_seconds: float = setting(
        "MAILMATIC_DOMAIN_CHECK_SECONDS", 5.0, "Longest that one look at a domain's records takes."
    )
    domain_pending_seconds: float = setting(
        "MAILMATIC_DOMAIN_PENDING_SECONDS", 300.0, "How often a domain that is not verified yet is looked at."
    )
    domain_verified_seconds: float = setting(
        "MAILMATIC_DOMAIN_VERIFIED_SECONDS", 86400.0, "How often a verified domain is looked at."
    )
    domain_fail_seconds: float = setting(
        "MAILMATIC_DOMAIN_FAIL_SECONDS",
        172_800.0,
        "How long the DKIM record of a verified domain must be gone (three looks at least) before it fails.",
    )
    domain_poll_seconds: float = setting(
        "MAILMATIC_DOMAIN_POLL_SECONDS", 5.0, "How often the scheduler asks which domains are due for a look."
    )
    dkim_retire_seconds: float = setting(
        "MAILMATIC_DKIM_RETIRE_SECONDS",
        604_800.0,
        "How long the record of a replaced DKIM key must stay: longer than any mail is on its way.",
    )
