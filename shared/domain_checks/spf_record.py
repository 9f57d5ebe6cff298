"""Whether a domain's SPF record lets this install's hosts send."""

from __future__ import annotations

from shared.domain_checks.answers import Ask
from shared.domain_checks.findings import MISMATCH, VERIFIED, Judged, inconclusive, shown, wrong
from shared.domain_checks.misplaced import missing
from shared.domain_checks.records import Install
from shared.domain_checks.spf import SpfResult, check_host
from shared.domain_checks.spf_terms import SpfSyntaxError, is_spf, parse_spf

#: No record has this address (RFC 5737): evaluating for it walks through everything, as it may for receivers.
_NOBODY = "192.0.2.1"


def judge_spf(ask: Ask, domain: str, install: Install) -> Judged:
    """The record at `domain`: one only, valid, within its limits, and our hosts pass."""
    answer = ask(domain, "TXT")
    if answer.inconclusive:
        return inconclusive(domain)
    found = [text for text in answer.values if is_spf(text)]
    if not found:
        return _none(ask, domain, answer.values)
    if len(found) > 1:
        detail = f"{domain} has {len(found)} SPF records; receivers take that as an error and use none."
        return wrong(MISMATCH, found, "several_records", detail, "Make one record of them.")
    return _judge_one(ask, domain, install, found[0])


_MEND = "Remove what is not needed any more, and mend or remove what leads nowhere."


def _judge_one(ask: Ask, domain: str, install: Install, text: str) -> Judged:
    whole = check_host(ask, _NOBODY, f"postmaster@{domain}", domain)
    if whole.result == "temperror":
        return inconclusive(domain)
    if whole.result == "permerror":
        detail = f"{whole.reason[:1].upper()}{whole.reason[1:]}."
        return wrong(MISMATCH, [text], _kind_of(whole), detail, _MEND)
    judged = _ours(ask, domain, install, text)
    if judged.status == VERIFIED and whole.result == "pass":
        detail = f"The record lets anybody send in your name ({whole.reason})."
        return wrong(MISMATCH, [text], "allows_everyone", detail, "Let it end in ~all or -all instead.")
    return judged


def _none(ask: Ask, domain: str, values: tuple[str, ...]) -> Judged:
    broken = [text for text in values if "v=spf1" in text.lower()]
    if broken:
        detail = "The record does not begin with v=spf1: there are quotes or other characters before it."
        return wrong(
            MISMATCH, broken, "broken_quoting", detail, "Publish the value without quotes of its own."
        )
    places = (f"www.{domain}", f"spf.{domain}", f"_spf.{domain}")
    return missing(ask, domain, "TXT", domain, elsewhere=places, known=is_spf)


def _kind_of(result: SpfResult) -> str:
    if "DNS lookups" in result.reason:
        return "too_many_lookups"
    return "too_many_void_lookups" if "find nothing" in result.reason else "invalid"


def _ours(ask: Ask, domain: str, install: Install, text: str) -> Judged:
    """Evaluated for each sending host; where the settings name none, our include must be in the record."""
    fix = f"Put include:{install.spf_include} into the record, before its all."
    if not install.sending_ips:
        if install.spf_include in _includes(text):
            return Judged(VERIFIED, shown([text]))
        return wrong(MISMATCH, [text], "not_included", "The record does not include our sending hosts.", fix)
    for ip in install.sending_ips:
        told = check_host(ask, ip, f"postmaster@{domain}", domain)
        if told.result == "temperror":
            return inconclusive(domain)
        if told.result != "pass":
            detail = f"Our sending host {ip} gets {told.result} ({told.reason})."
            return wrong(MISMATCH, [text], "host_not_allowed", detail, fix)
    return Judged(VERIFIED, shown([text]))


def _includes(text: str) -> set[str]:
    try:
        record = parse_spf(text)
    except SpfSyntaxError:
        return set()
    targets = {item.target for item in record.mechanisms if item.name == "include" and item.result == "pass"}
    return {target.lower().removesuffix(".") for target in (*targets, record.redirect or "")}
