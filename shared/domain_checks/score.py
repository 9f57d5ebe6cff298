"""The score of a domain's DNS, 0 to 100. There is no standard for it; the weights are ours, and in the guide.

What could not be asked is left out of both sides of the fraction, and the score says so: a silent DNS is
nobody's fault.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from shared.domain_checks.answers import Ask
from shared.domain_checks.dkim import judge_dkim
from shared.domain_checks.dmarc import Policy, judge_dmarc
from shared.domain_checks.findings import INCONCLUSIVE, VERIFIED, Judged, Problem
from shared.domain_checks.mx import judge_mx
from shared.domain_checks.records import DKIM, DMARC, RETURN, Expected, Install
from shared.domain_checks.spf_record import judge_spf

#: name of a check → its points
WEIGHTS = {"spf": 25, "dkim": 40, "dmarc": 25, "mx": 10}
#: of SPF's points, those for a record that is valid and lacks only us or lets everybody send, and those for
#: the domain's own where the return path's is the one that counts; of DMARC's, those for any policy
_SPF_VALID, _SPF_OWN = 10, 5
_DMARC_ANY, _DMARC_ENFORCED, _DMARC_REPORTS = 10, 10, 5
_VALID_BUT = ("not_included", "host_not_allowed", "allows_everyone")

PASS, PARTIAL, FAIL = "pass", "partial", "fail"
CHECK_STATUSES = (PASS, PARTIAL, FAIL, INCONCLUSIVE)


@dataclass(frozen=True, slots=True)
class Check:
    """One check: its points of those it can have, what was found and what is wrong."""

    name: str
    status: str
    points: int
    max_points: int
    found: tuple[str, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Score:
    """`score` is None where nothing could be asked, and of what could be where `inconclusive`."""

    score: int | None
    inconclusive: bool
    checks: tuple[Check, ...]


def score(ask: Ask, records: Sequence[Expected], install: Install, *, return_path: bool) -> Score:
    """Judges the domain that `records` are of.

    Args:
        return_path: whether mail goes out under the return-path host, whose SPF is then the one that counts
            most.
    """
    domain = records[0].domain
    wanted = next(record for record in records if record.purpose == DMARC)
    returns = next(record for record in records if record.purpose == RETURN)
    checks = (
        _spf(judge_spf(ask, domain, install), judge_spf(ask, returns.name, install) if return_path else None),
        _dkim([judge_dkim(ask, record) for record in records if record.purpose == DKIM and record.required]),
        _dmarc(*judge_dmarc(ask, wanted)),
        _check("mx", judge_mx(ask, domain)),
    )
    conclusive = [check for check in checks if check.status != INCONCLUSIVE]
    possible = sum(check.max_points for check in conclusive)
    points = sum(check.points for check in conclusive)
    return Score(round(100 * points / possible) if possible else None, len(conclusive) < len(checks), checks)


def _check(name: str, judged: Judged, points: int | None = None, problems: Sequence[Problem] = ()) -> Check:
    full = WEIGHTS[name]
    if points is None:
        points = full if judged.status == VERIFIED else 0
    status = PASS if points == full else PARTIAL if points else FAIL
    if judged.status == INCONCLUSIVE:
        status, points = INCONCLUSIVE, 0
    wrong = (*((judged.problem,) if judged.problem else ()), *problems)
    return Check(name, status, points, full, judged.found, wrong)


def _spf(own: Judged, returning: Judged | None) -> Check:
    """The record of the return path, if mail goes out under it, and the domain's own."""
    full = WEIGHTS["spf"]
    if returning is None or own.status == INCONCLUSIVE:
        return _check("spf", own, _spf_points(own, full))
    points = _spf_points(returning, full - _SPF_OWN) + (_SPF_OWN if own.status == VERIFIED else 0)
    both = replace(returning, found=(*returning.found, *own.found))
    return _check("spf", both, points, [own.problem] if own.problem else [])


def _spf_points(judged: Judged, full: int) -> int:
    if judged.status == VERIFIED:
        return full
    return _SPF_VALID if judged.problem and judged.problem.code in _VALID_BUT else 0


def _dkim(judged: Sequence[Judged]) -> Check:
    """Every key that signs has to be there; the worst is what counts."""
    order = {VERIFIED: 0, INCONCLUSIVE: 1}
    worst = max(judged, key=lambda item: order.get(item.status, 2))
    return _check("dkim", worst)


def _dmarc(judged: Judged, policy: Policy | None) -> Check:
    if policy is None:
        return _check("dmarc", judged)
    problems = []
    points = _DMARC_ANY
    if policy.policy == "none" or policy.testing:
        why = "t=y says that it is only a test" if policy.testing else "p=none lets forged mail through"
        mend = "Once reports show that your own mail passes, ask for p=quarantine, then p=reject."
        problems.append(Problem("not_enforced", f"The policy is not enforced: {why}.", mend))
    else:
        points += _DMARC_ENFORCED
    if policy.reports:
        points += _DMARC_REPORTS
    else:
        mend = "Add rua=mailto: with an address that reads them."
        problems.append(Problem("no_reports", "Nobody gets the reports about mail in your name.", mend))
    return _check("dmarc", judged, points, problems)
