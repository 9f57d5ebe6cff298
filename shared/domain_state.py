"""A domain's rows and what a look at its DNS changes in them; for the gateway and the scheduler alike."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, select, update

from shared import audit
from shared.audit import Actor
from shared.clock import iso, now, parse_moment
from shared.dkim_keys import activate_keys, drop_retired
from shared.domain_checks.look import Look
from shared.domain_checks.records import Expected, Key, expected_records
from shared.domain_checks.standing import Pace, Standing, judge
from shared.events import record_event
from shared.install import install
from shared.models import dkim_keys, domains
from shared.settings import settings


@dataclass(frozen=True)
class Domain:
    """A sending domain with its keys, oldest first. `checks` is what the last look found, by record name."""

    id: UUID
    account_id: UUID
    name: str
    status: str
    keys: tuple[Key, ...]
    checks: dict[str, Any]
    return_path_verified: bool
    tracking_verified: bool
    track_opens: bool | None
    track_clicks: bool | None
    created_at: datetime
    verified_at: datetime | None
    checked_at: datetime | None
    next_check_at: datetime | None

    @property
    def records(self) -> list[Expected]:
        """What it should have in the DNS."""
        return expected_records(self.name, self.keys, install())

    @property
    def standing(self) -> Standing:
        """As `standing.judge` wants it."""
        kept = self.checks.get("failing") or {}
        since = kept.get("since")
        return Standing(
            self.status, self.created_at, kept.get("failures", 0), parse_moment(since) if since else None
        )


class DomainTaken(Exception):
    """Another account has verified a domain of this name."""


def read_domains(tx: Connection, *matching: ColumnElement[bool], lock: bool = False) -> list[Domain]:
    """The domains that match, with their keys."""
    query = select(domains).where(*matching).order_by(domains.c.id.desc())
    rows = tx.execute(query.with_for_update() if lock else query).mappings().all()
    keys: dict[UUID, list[Key]] = {row["id"]: [] for row in rows}
    if rows:
        of = select(dkim_keys).where(dkim_keys.c.domain_id.in_(keys), dkim_keys.c.status != "revoked")
        for key in tx.execute(of.order_by(dkim_keys.c.id)):
            keys[key.domain_id].append(Key(key.id, key.selector, key.algorithm, key.public_key, key.status))
    return [
        Domain(**{**row, "keys": tuple(keys[row["id"]]), "checks": row["checks"] or {}})  # columns by name
        for row in rows
    ]


def record_look(tx: Connection, id: UUID, look: Look, actor: Actor) -> Domain | None:
    """Writes down what a look found, and what follows from it; None if the domain is gone.

    Raises:
        DomainTaken: it would be verified now, and another account has it verified.
    """
    found = read_domains(tx, domains.c.id == id, domains.c.account_id == actor.account_id, lock=True)
    if not found:
        return None
    (domain,), moment, config = found, now(), settings()
    pace = Pace(
        timedelta(seconds=config.domain_pending_seconds),
        timedelta(seconds=config.domain_verified_seconds),
        timedelta(seconds=config.domain_fail_seconds),
    )
    verdict = judge(look, domain.standing, moment, pace)
    after = verdict.standing
    if after.status == "verified" != domain.status:
        _refuse_taken(tx, domain)
    # a domain that the operator vouched for is looked at only on request, until it was seen once
    vouched = domain.status == "verified" and domain.next_check_at is None and after.failures
    values: dict[str, Any] = {
        "status": after.status,
        "checks": _as_json(look, after),
        "checked_at": moment,
        "next_check_at": None if vouched else verdict.next_look,
    }
    if after.status == "verified" != domain.status:
        values["verified_at"] = moment
    if verdict.return_path is not None:
        values["return_path_verified"] = verdict.return_path
    if verdict.tracking is not None:
        values["tracking_verified"] = verdict.tracking
    tx.execute(update(domains).where(domains.c.id == id).values(values))
    _rotate(tx, domain, verdict.seen, actor)
    if after.status != domain.status:
        audit.record(tx, actor, f"domain.{after.status}", id, {"domain": domain.name, "was": domain.status})
        tell_domain(tx, domain, after.status)
    (changed,) = read_domains(tx, domains.c.id == id)
    return changed


def tell_domain(tx: Connection, domain: Domain, what: str) -> None:
    """Tells the account's webhooks that `domain` was made or deleted, or has got another status."""
    record_event(
        tx,
        domain.account_id,
        f"domain.{what}",
        {"domain_id": str(domain.id), "domain": domain.name},
        source="domains",
    )


def _refuse_taken(tx: Connection, domain: Domain) -> None:
    taken = select(domains.c.id).where(domains.c.name == domain.name, domains.c.status == "verified")
    if tx.execute(taken).first():
        raise DomainTaken(domain.name)


def _rotate(tx: Connection, domain: Domain, seen: tuple[UUID, ...], actor: Actor) -> None:
    for selector in activate_keys(tx, domain.id, seen) if seen else ():
        audit.record(tx, actor, "domain.dkim_activated", domain.id, {"selector": selector})
    safe = now() - timedelta(seconds=settings().dkim_retire_seconds)
    for selector in drop_retired(tx, domain.id, safe):
        audit.record(tx, actor, "domain.dkim_retired", domain.id, {"selector": selector})


def _as_json(look: Look, after: Standing) -> dict[str, Any]:
    records = {
        f"{record.purpose}:{record.host}": {
            "status": judged.status,
            "found": list(judged.found),
            "problem": asdict(judged.problem) if judged.problem else None,
        }
        for record, judged in look
    }
    since = after.failing_since
    failing = {"failures": after.failures, "since": iso(since)} if since else None
    return {"records": records, "failing": failing}
