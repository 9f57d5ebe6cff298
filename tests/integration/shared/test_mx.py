"""Where mail for a domain goes, as a real authoritative server tells it."""

from __future__ import annotations

import pytest
from dns import flags, message, query
from dns.nameserver import Do53Nameserver
from dns.resolver import Resolver

from deploy.local.ports import HOST
from shared import mx
from shared.mx import MailHosts, find_mail_hosts
from tests.fixtures.dns_server import Dns, absent_resolver, fresh, silent_resolver, text


def resolver(*addresses: str, lifetime: float = 5.0) -> Resolver:
    """A resolver that asks these addresses in turn."""
    made = Resolver(configure=False)
    made.nameservers = [Do53Nameserver(HOST, int(address.rpartition(":")[2])) for address in addresses]
    made.lifetime, made.timeout = lifetime, lifetime / 4
    return made


@pytest.fixture
def asked(dns: Dns) -> Resolver:
    return resolver(dns.address)


def test_hosts_come_in_order_of_preference_with_their_ttl(dns: Dns, asked: Resolver) -> None:
    domain = fresh()
    dns.set(domain, "MX", f"20 b.{domain}.", f"5 C.{domain}.", f"20 a.{domain}.", ttl=1234)
    hosts = (f"c.{domain}", f"a.{domain}", f"b.{domain}")
    assert find_mail_hosts(domain, asked) == MailHosts(mx.MX, hosts, 1234)


@pytest.mark.parametrize(("kind", "value"), [("A", "192.0.2.1"), ("AAAA", "2001:db8::1")])
def test_domain_itself_receives_when_it_has_only_an_address(
    dns: Dns, asked: Resolver, kind: str, value: str
) -> None:
    domain = fresh()
    dns.set(domain, kind, value, ttl=600)
    assert find_mail_hosts(domain, asked) == MailHosts(mx.ADDRESS, (domain,), 600)


def test_null_mx_is_told_from_no_mx_at_all(dns: Dns, asked: Resolver) -> None:
    null, neither = fresh(), fresh()
    dns.set_all({(null, "MX"): ("0 .",), (null, "A"): ("192.0.2.1",), (neither, "TXT"): (text("here"),)})
    assert find_mail_hosts(null, asked) == MailHosts(mx.NULL_MX, (), 300)
    # how long an absence is believed is the zone's say
    assert find_mail_hosts(neither, asked) == MailHosts(mx.NO_MAIL, (), 60)


def test_null_mx_beside_real_ones_is_passed_over(dns: Dns, asked: Resolver) -> None:
    domain = fresh()
    dns.set(domain, "MX", "0 .", f"10 mx.{domain}.")
    assert find_mail_hosts(domain, asked).hosts == (f"mx.{domain}",)


def test_mail_host_without_an_address_is_for_the_mta_to_find_out(dns: Dns, asked: Resolver) -> None:
    domain = fresh()
    dns.set(domain, "MX", f"10 nowhere.{domain}.")
    assert find_mail_hosts(domain, asked).status == mx.MX


def test_chain_of_cnames_is_followed_to_mx_or_address(dns: Dns, asked: Resolver) -> None:
    alias, middle, end, bare = (fresh() for _ in range(4))
    dns.set_all(
        {
            (alias, "CNAME"): (f"{middle}.",),
            (middle, "CNAME"): (f"{end}.",),
            (end, "MX"): (f"10 mx.{end}.",),
            (bare, "CNAME"): (f"to.{bare}.",),
            (f"to.{bare}", "A"): ("192.0.2.1",),
        }
    )
    assert find_mail_hosts(alias, asked) == MailHosts(mx.MX, (f"mx.{end}",), 300)
    assert find_mail_hosts(bare, asked) == MailHosts(mx.ADDRESS, (bare,), 300)


def test_cname_to_nothing_is_nxdomain_and_one_in_a_circle_is_unknown(dns: Dns, asked: Resolver) -> None:
    dangling, circle = fresh(), fresh()
    dns.set_all(
        {
            (dangling, "CNAME"): (f"{fresh('gone')}.",),
            (circle, "CNAME"): (f"to.{circle}.",),
            (f"to.{circle}", "CNAME"): (f"{circle}.",),
        }
    )
    assert find_mail_hosts(dangling, asked).status == mx.NXDOMAIN
    assert find_mail_hosts(circle, asked).status == mx.UNKNOWN


def test_name_that_is_not_there_is_nxdomain_for_as_long_as_the_zone_says(dns: Dns, asked: Resolver) -> None:
    assert find_mail_hosts(fresh(), asked) == MailHosts(mx.NXDOMAIN, (), 60)


@pytest.mark.parametrize("name", ["a" * 64 + ".test", ".".join(["a" * 60] * 5), "a..test"])
def test_name_that_no_dns_could_hold_is_nxdomain(asked: Resolver, name: str) -> None:
    assert find_mail_hosts(name, asked).status == mx.NXDOMAIN


def test_answer_too_big_for_a_datagram_is_fetched_over_tcp(dns: Dns, asked: Resolver) -> None:
    domain = fresh()
    dns.set(domain, "MX", *(f"{n} {'long' * 10}{n:02}.{domain}." for n in range(60)))
    datagram = query.udp(message.make_query(domain, "MX"), HOST, port=dns.port, timeout=5)
    assert datagram.flags & flags.TC
    assert len(find_mail_hosts(domain, asked).hosts) == 60


def test_servfail_and_a_resolver_that_is_not_there_are_unknown(dns: Dns, asked: Resolver) -> None:
    assert find_mail_hosts(dns.broken(), asked) == MailHosts(mx.UNKNOWN)
    assert find_mail_hosts(fresh(), resolver(absent_resolver(), lifetime=1)) == MailHosts(mx.UNKNOWN)


def test_silence_is_unknown_and_the_next_resolver_is_asked(dns: Dns) -> None:
    domain = fresh()
    dns.set(domain, "MX", f"10 mx.{domain}.")
    with silent_resolver() as silent:
        assert find_mail_hosts(domain, resolver(silent, lifetime=0.3)) == MailHosts(mx.UNKNOWN)
        assert find_mail_hosts(domain, resolver(silent, dns.address)).status == mx.MX


def test_ttl_is_bounded_at_both_ends(dns: Dns, asked: Resolver) -> None:
    brief, lasting = fresh(), fresh()
    dns.set(brief, "MX", f"10 mx.{brief}.", ttl=0)
    dns.set(lasting, "MX", f"10 mx.{lasting}.", ttl=1_000_000)
    assert find_mail_hosts(brief, asked).ttl == mx.SHORTEST
    assert find_mail_hosts(lasting, asked).ttl == mx.LONGEST


def test_dns_of_the_tests_forgets_what_is_removed(dns: Dns, asked: Resolver) -> None:
    domain = fresh()
    dns.set_all({(domain, "MX"): (f"10 mx.{domain}.",), (domain, "TXT"): (text("v=spf1 ", "-all"),)})
    (record,) = asked.resolve(f"{domain}.", "TXT")
    assert record.strings == (b"v=spf1 ", b"-all")
    dns.remove(domain, "MX")
    assert find_mail_hosts(domain, asked).status == mx.NO_MAIL
    dns.remove(domain)
    assert find_mail_hosts(domain, asked).status == mx.NXDOMAIN
