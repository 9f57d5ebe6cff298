"""The scheduler: one leader among any number of processes does what is due by time.

`python -m services.campaigns.scheduler`. The leader holds a session-level advisory lock on a connection
of its own; when it dies, Postgres lets go of the lock and another takes over within a second. Scheduled mail
is looked after several times a second, the rest at intervals of its own. Every process, leader or not, looks
at domains that are due (services.campaigns.domains), counts what happened (services.campaigns.statistics) and
removes what is too old (services.campaigns.retention).
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from services.campaigns import queries
from services.campaigns.backlog import Backlog
from services.campaigns.domains import start_looking
from services.campaigns.retention import start_forgetting
from services.campaigns.schedule import ScheduleWatch
from services.campaigns.statistics import start_rolling_up
from services.campaigns.sweep import forget_keys, nudge_campaigns, nudge_exports, nudge_imports, sweep
from shared import metrics
from shared.clock import now
from shared.db import DatabaseUnavailable, engine, transaction
from shared.health import start_beating
from shared.observability import configure_logging, get_logger
from shared.partitions import ensure_partitions
from shared.settings import settings

log = get_logger("scheduler")

#: Any constant will do; it names the right to lead.
_LEADER_LOCK = 4_201_978
#: How often a process that does not lead tries to (seconds).
_TRY_SECONDS = 1.0
#: Most batches of old keys deleted by one sweep: scheduled mail must not wait for it.
_KEY_BATCHES = 10


@contextmanager
def leadership() -> Iterator[Connection | None]:
    """A connection that holds the leader's lock, or None while another process holds it."""
    with engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        leads = connection.execute(queries.TRY_LEAD, {"lock": _LEADER_LOCK}).scalar_one()
        try:
            yield connection if leads else None
        finally:
            connection.invalidate()  # closes the session, and with it the lock


def lead(connection: Connection, stop: threading.Event) -> None:
    """Works through the duties until `stop`, or until the lock's connection fails."""
    log.info("scheduler.leading")
    config = settings()
    schedule = ScheduleWatch(config)
    partitions_made: date | None = None
    sweep_at = 0.0
    while not stop.is_set():
        schedule.tick(stop)
        _nudge_campaigns()
        if time.monotonic() >= sweep_at:
            connection.exec_driver_sql("SELECT 1")  # a lost connection is a lost lock
            partitions_made = _make_partitions(partitions_made)
            _sweep()
            sweep_at = time.monotonic() + config.sweep_interval_seconds
        stop.wait(config.schedule_poll_seconds)


def _nudge_campaigns() -> None:
    with transaction() as tx:
        nudge_campaigns(tx)


def _make_partitions(made: date | None) -> date:
    """Once a day."""
    moment = now()
    if made != moment.date():
        with transaction() as tx:
            ensure_partitions(tx, moment)
    return moment.date()


def _sweep() -> None:
    with transaction() as tx:
        nudged = sweep(tx, settings())
        files = nudge_imports(tx, settings()), nudge_exports(tx, settings())
    if nudged or any(files):
        log.warning("sweep.nudged", emails=nudged, imports=files[0], exports=files[1])
    for _ in range(_KEY_BATCHES):
        with transaction() as tx:
            if not forget_keys(tx):
                break


def run(stop: threading.Event) -> None:
    """Leads when it may and waits when it may not, until `stop`."""
    while not stop.is_set():
        try:
            with leadership() as connection:
                if connection is not None:
                    lead(connection, stop)
        except (DatabaseUnavailable, DBAPIError) as error:
            log.warning("scheduler.waiting", reason=str(error).splitlines()[0])
        stop.wait(_TRY_SECONDS)


def main() -> None:
    """Runs the scheduler until SIGTERM or SIGINT."""
    configure_logging()
    metrics.also(Backlog())
    start_beating()
    stop = threading.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: stop.set())
    start_looking(stop)
    start_rolling_up(stop)
    start_forgetting(stop)
    run(stop)
    log.info("scheduler.stopped")


if __name__ == "__main__":
    main()
