"""Whether a domain receives mail: replies, complaints and reports have to arrive somewhere."""

from __future__ import annotations

from shared.domain_checks.answers import Ask
from shared.domain_checks.findings import MISMATCH, MISSING, VERIFIED, Judged, inconclusive, shown, wrong


def judge_mx(ask: Ask, domain: str) -> Judged:
    """MX records, and none of them the null MX (RFC 7505), which says that a domain has no mail."""
    answer = ask(domain, "MX")
    if answer.inconclusive:
        return inconclusive(domain)
    if not answer.values:
        return wrong(
            MISSING,
            (),
            "not_found",
            f"{domain} has no MX record; replies are lost, and some receivers refuse its mail.",
            "Publish an MX record for the host that receives its mail.",
        )
    if not all(answer.values):
        return wrong(
            MISMATCH,
            ["0 ."],
            "null_mx",
            f"{domain} says that it has nothing to do with mail (RFC 7505); receivers may refuse it.",
            "Remove the null MX and publish the host that receives its mail.",
        )
    return Judged(VERIFIED, shown(answer.values))
