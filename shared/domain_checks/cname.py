"""Whether a name below the domain is an alias of one of ours: the return-path and tracking hosts."""

from __future__ import annotations

from shared.domain_checks.answers import Ask
from shared.domain_checks.findings import MISMATCH, VERIFIED, Judged, inconclusive, shown, wrong
from shared.domain_checks.misplaced import missing
from shared.domain_checks.records import RETURN, Expected


def judge_cname(ask: Ask, wanted: Expected) -> Judged:
    """Looks for the alias; a return path must also lead to a host that receives mail."""
    answer = ask(wanted.name, "CNAME")
    if answer.inconclusive:
        return inconclusive(wanted.name)
    if not answer.values:
        return _no_alias(ask, wanted)
    target = answer.values[0]
    if target == f"{wanted.value}.{wanted.domain}":
        return wrong(
            MISMATCH,
            [target],
            "zone_appended_twice",
            f"The DNS provider appended {wanted.domain} to the target.",
            f"End the target with a dot: {wanted.value}.",
        )
    if target != wanted.value:
        detail = f"The alias leads to {target} instead of {wanted.value}."
        return wrong(MISMATCH, [target], "wrong_target", detail, f"Change the target to {wanted.value}.")
    return _receives(ask, wanted) if wanted.purpose == RETURN else Judged(VERIFIED, shown([target]))


def _no_alias(ask: Ask, wanted: Expected) -> Judged:
    addresses = ask(wanted.name, "A")
    if addresses.inconclusive:
        return inconclusive(wanted.name)
    if addresses.values:
        return wrong(
            MISMATCH,
            addresses.values,
            "not_an_alias",
            f"{wanted.name} has addresses and is no alias; a provider's proxy looks like that too.",
            f"Make it a CNAME to {wanted.value}, and switch the proxy off for it.",
        )
    known = (wanted.value, f"{wanted.value}.{wanted.domain}")
    return missing(
        ask,
        wanted.name,
        "CNAME",
        wanted.domain,
        elsewhere=(wanted.domain,),
        known=lambda value: value in known,
    )


def _receives(ask: Ask, wanted: Expected) -> Judged:
    """Bounces to a host without MX would be lost, and the sender's address refused by some."""
    hosts = ask(wanted.value, "MX")
    if hosts.inconclusive:
        return inconclusive(wanted.value)
    if not any(hosts.values):
        return wrong(
            MISMATCH,
            [wanted.value],
            "target_receives_no_mail",
            f"The alias is right, but {wanted.value} has no MX record.",
            "This is for the operator of this install: publish an MX and an SPF record there.",
        )
    return Judged(VERIFIED, shown([wanted.value]))
