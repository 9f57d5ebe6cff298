"""Of any number of schedulers one leads, and another takes over when it dies."""

from __future__ import annotations

from contextlib import ExitStack

from deploy.local.cluster import Cluster
from tests.fixtures.api import Client
from tests.fixtures.database import Database
from tests.fixtures.own_worker import own_worker
from tests.fixtures.waiting import wait_for

COMMAND = ("python", "-m", "services.campaigns.scheduler")


def leaders(database: Database) -> int:
    """How many sessions hold the leader's lock in this database."""
    return int(
        database.all(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND objid = 4201978"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )[0][0]
    )


def test_another_scheduler_takes_over_when_the_leader_is_killed(
    cluster: Cluster, api: Client, database: Database
) -> None:
    cluster.stop("scheduler")
    wait_for(lambda: leaders(database) == 0, "the lock to be free")
    with ExitStack() as stack:
        first, second = (stack.enter_context(own_worker(cluster, f"scheduler-{n}", COMMAND)) for n in (1, 2))
        wait_for(lambda: first.says("scheduler.leading") or second.says("scheduler.leading"), "a leader")
        leader, other = (first, second) if first.says("scheduler.leading") else (second, first)
        assert leaders(database) == 1
        assert not other.says("scheduler.leading")
        leader.kill()
        wait_for(lambda: other.says("scheduler.leading"), "the other to take over")
        assert leaders(database) == 1
        cluster.stop("sender")
        database.all("UPDATE outbox SET available_at = now() RETURNING 1")
        sent = api.send()
        wait_for(database.outbox_is_empty, "the nudge to be relayed")
        cluster.start("sender")
        api.wait_for_status(sent["id"], "sent")


def test_scheduler_stands_by_when_postgres_goes_away_and_leads_again_when_it_is_back(
    own_servers: None, cluster: Cluster, database: Database
) -> None:
    with own_worker(cluster, "scheduler-3", COMMAND) as worker:
        cluster.stop("scheduler")
        wait_for(lambda: worker.says("scheduler.leading"), "ours to lead")
        cluster.stop("postgres")
        wait_for(lambda: worker.says("scheduler.waiting"), "ours to stand by")
        cluster.start("postgres")
        wait_for(lambda: worker.log.read_text().count('"scheduler.leading"') == 2, "ours to lead again")
        assert worker.process.poll() is None
