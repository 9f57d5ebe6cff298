"""What a look at the DNS means for a domain: its status, its keys, and when to look again. Pure.

Verified is who has published a DKIM key of ours: only the owner of the zone can. It is lost only when the
record is provably gone or wrong, in several looks over days: trouble in the DNS takes nothing away.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from shared.domain_checks.findings import INCONCLUSIVE, VERIFIED
from shared.domain_checks.look import Look
from shared.domain_checks.records import RETURN, TRACK
from shared.ids import id_time

_RSA = "rsa-sha256"
#: A verified domain fails after so many definite failures, over at least `Pace.fail_after`.
FAILURES = 3
#: What nobody published within this time, a domain's first key or a later one, is looked for less often.
_HOPEFUL = timedelta(days=3)
#: A verified domain whose record was not found is looked at this often.
_SUSPECT = timedelta(hours=1)


@dataclass(frozen=True)
class Pace:
    """How often to look, and how long a record may be gone."""

    pending: timedelta
    verified: timedelta
    fail_after: timedelta


@dataclass(frozen=True)
class Standing:
    """A domain as it stands: `failures` since `failing_since` are definite ones in a row."""

    status: str
    since: datetime
    failures: int = 0
    failing_since: datetime | None = None


@dataclass(frozen=True)
class Verdict:
    """What follows from a look. `seen`: pending keys that may sign now; None: nothing new is known of it."""

    standing: Standing
    seen: tuple[UUID, ...]
    return_path: bool | None
    tracking: bool | None
    next_look: datetime


def judge(look: Look, before: Standing, moment: datetime, pace: Pace) -> Verdict:
    """What a look at `moment` means for a domain that stood as `before`."""
    seen = _seen(look)
    signing = [
        judged.status
        for record, judged in look
        if record.key and (record.key.status == "active" or record.key.id in seen)
    ]
    if VERIFIED in signing:
        after = Standing("verified", before.since if before.status == "verified" else moment)
    elif before.status == "pending" or not signing or INCONCLUSIVE in signing:
        after = before
    else:
        after = _failed_again(before, moment, pace)
    waits = _waits(look, seen, moment)
    return Verdict(
        after, seen, _known(look, RETURN), _known(look, TRACK), moment + _pause(after, moment, pace, waits)
    )


def _seen(look: Look) -> tuple[UUID, ...]:
    """Pending keys that were found; Ed25519 comes beside an RSA key, never alone (RFC 8463 §3)."""
    keys = [(record.key, judged.status) for record, judged in look if record.key]
    found = [key for key, status in keys if key.status == "pending" and status == VERIFIED]
    rsa = any(key.algorithm == _RSA for key in found)
    rsa = rsa or any(key.algorithm == _RSA and key.status == "active" for key, _ in keys)
    return tuple(key.id for key in found if rsa)


def _waits(look: Look, seen: tuple[UUID, ...], moment: datetime) -> bool:
    """Whether a key was made lately and is not there yet: its owner may be about to publish it."""
    pending = [record.key.id for record, _ in look if record.key and record.key.status == "pending"]
    return any(id not in seen and moment - id_time(id) < _HOPEFUL for id in pending)


def _failed_again(before: Standing, moment: datetime, pace: Pace) -> Standing:
    since = before.failing_since or moment
    failures = before.failures + 1
    over = failures >= FAILURES and moment - since >= pace.fail_after
    status = "failed" if over else before.status
    return Standing(status, moment if status != before.status else before.since, failures, since)


def _known(look: Look, purpose: str) -> bool | None:
    (status,) = [judged.status for record, judged in look if record.purpose == purpose]
    return None if status == INCONCLUSIVE else status == VERIFIED


def _pause(after: Standing, moment: datetime, pace: Pace, waits: bool) -> timedelta:
    if waits or (after.status == "pending" and moment - after.since < _HOPEFUL):
        return pace.pending
    if after.status == "pending":
        return pace.verified
    return min(pace.verified, _SUSPECT) if after.failures else pace.verified
