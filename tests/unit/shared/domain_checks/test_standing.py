"""What a look at the DNS means for a domain's status and for its keys."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from shared.domain_checks.findings import INCONCLUSIVE, MISSING, VERIFIED, Judged
from shared.domain_checks.look import Look
from shared.domain_checks.records import DKIM, Install, Key, expected_records
from shared.domain_checks.standing import Pace, Standing, judge
from shared.ids import id_floor, new_id

NOW = datetime(2026, 6, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LONG_AGO = NOW - 100 * DAY
PACE = Pace(pending=timedelta(minutes=5), verified=DAY, fail_after=2 * DAY)
INSTALL = Install("spf.x.test", "bounces.x.test", "links.x.test")
RSA, ED = "rsa-sha256", "ed25519-sha256"


def key(status: str, algorithm: str = RSA, made: datetime = LONG_AGO) -> Key:
    return Key(UUID(int=id_floor(made).int | new_id().int % 2**64), f"mm{status}", algorithm, "AAAA", status)


def seen(*keys: tuple[Key, str], others: str = VERIFIED) -> Look:
    """A look that found the keys to be so, and everything else as `others`."""
    states = {item.id: status for item, status in keys}
    records = expected_records("example.com", [item for item, _ in keys], INSTALL)
    return [(record, Judged(states[record.key.id] if record.key else others)) for record in records]


def test_domain_is_verified_when_its_pending_key_is_seen() -> None:
    new = key("pending")
    verdict = judge(seen((new, VERIFIED)), Standing("pending", NOW), NOW, PACE)
    assert (verdict.standing.status, verdict.seen) == ("verified", (new.id,))
    assert verdict.next_look == NOW + DAY


def test_domain_stays_pending_however_often_nothing_is_found() -> None:
    look = seen((key("pending"), MISSING))
    for age, pause in ((HOUR, PACE.pending), (4 * DAY, PACE.verified)):
        verdict = judge(look, Standing("pending", NOW - age), NOW, PACE)
        assert (verdict.standing.status, verdict.next_look - NOW) == ("pending", pause)


def test_ed25519_key_never_signs_alone() -> None:
    extra = key("pending", ED)
    alone = judge(seen((key("pending"), MISSING), (extra, VERIFIED)), Standing("pending", NOW), NOW, PACE)
    assert (alone.standing.status, alone.seen) == ("pending", ())
    beside = judge(seen((key("active"), VERIFIED), (extra, VERIFIED)), Standing("verified", NOW), NOW, PACE)
    assert beside.seen == (extra.id,)


def test_new_key_of_a_verified_domain_is_looked_for_often_while_it_is_new() -> None:
    for age, pause in ((HOUR, PACE.pending), (4 * DAY, PACE.verified)):
        look = seen((key("active"), VERIFIED), (key("pending", made=NOW - age), MISSING))
        assert judge(look, Standing("verified", NOW), NOW, PACE).next_look - NOW == pause


def test_verified_domain_fails_after_three_failures_over_two_days_and_not_before() -> None:
    look, standing = seen((key("active"), MISSING)), Standing("verified", NOW)
    statuses = []
    for hours in (0, 1, 2, 47, 48):
        verdict = judge(look, standing, NOW + hours * HOUR, PACE)
        standing = verdict.standing
        statuses.append(standing.status)
        assert verdict.next_look == NOW + (hours + 1) * HOUR
    assert statuses == ["verified"] * 4 + ["failed"]


def test_two_failures_are_too_few_however_long_they_last() -> None:
    look, standing = seen((key("active"), MISSING)), Standing("verified", NOW)
    for days in (0, 9):
        standing = judge(look, standing, NOW + days * DAY, PACE).standing
    assert standing.status == "verified"


def test_trouble_in_the_dns_changes_nothing() -> None:
    before = Standing("verified", NOW, failures=9, failing_since=NOW - 9 * DAY)
    verdict = judge(seen((key("active"), INCONCLUSIVE), others=INCONCLUSIVE), before, NOW, PACE)
    assert (verdict.standing, verdict.return_path, verdict.tracking) == (before, None, None)


def test_success_forgets_the_failures_before_it() -> None:
    before = Standing("verified", NOW, failures=2, failing_since=NOW)
    assert judge(seen((key("active"), VERIFIED)), before, NOW + DAY, PACE).standing == replace(
        before, failures=0, failing_since=None
    )


def test_domain_is_verified_when_only_its_new_key_is_there() -> None:
    new = key("pending")
    verdict = judge(seen((key("active"), MISSING), (new, VERIFIED)), Standing("failed", NOW), NOW, PACE)
    assert (verdict.standing.status, verdict.seen) == ("verified", (new.id,))


def test_record_of_a_new_key_is_no_condition_while_another_signs() -> None:
    keys = [key("retiring"), key("active"), key("pending"), key("pending", ED)]
    records = [item for item in expected_records("example.com", keys, INSTALL) if item.purpose == DKIM]
    assert [item.required for item in records] == [False, True, False, True]
