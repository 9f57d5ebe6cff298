"""Domains are looked at again: those to be verified every few minutes, the verified daily.

In a thread of its own, because the DNS may take seconds and scheduled mail must not wait for it. A look is
claimed by moving its time: what several schedulers do is done once, and a look that a crash cut short comes
again. No transaction is open while the DNS is asked.
"""

from __future__ import annotations

import threading

from sqlalchemy.exc import IntegrityError

from services.campaigns import queries
from shared.audit import Actor
from shared.db import transaction
from shared.domain_checks.live import live
from shared.domain_checks.look import look
from shared.domain_state import Domain, DomainTaken, read_domains, record_look
from shared.install import install
from shared.models import domains
from shared.observability import get_logger
from shared.rounds import start_rounds
from shared.settings import settings

log = get_logger("domains")

#: Domains claimed at once, and how long their looks may take before others may claim them (seconds).
_BATCH, _LEASE = 10, 300.0


def start_looking(stop: threading.Event) -> None:
    """Looks at what is due until `stop`, from a daemon thread."""

    def once(stop: threading.Event) -> bool:
        return look_at_due(stop) == _BATCH

    start_rounds("domains", once, lambda: settings().domain_poll_seconds, stop)


def look_at_due(stop: threading.Event) -> int:
    """Looks at up to a batch of domains that are due; how many there were."""
    with transaction() as tx:
        ids = list(tx.execute(queries.TAKE_DOMAINS, {"batch": _BATCH, "lease": _LEASE}).scalars())
        due = read_domains(tx, domains.c.id.in_(ids)) if ids else []
    for domain in due:
        if stop.is_set():
            break
        _look_at(domain)
    return len(due)


def _look_at(domain: Domain) -> None:
    found = look(live(settings().domain_check_seconds), domain.records, install())
    try:
        with transaction() as tx:
            changed = record_look(tx, domain.id, found, Actor(domain.account_id, "system"))
    except (DomainTaken, IntegrityError):
        log.warning("domains.taken", domain=domain.name)
        return
    if changed and changed.status != domain.status:
        log.info(f"domain.{changed.status}", domain=domain.name, was=domain.status)
