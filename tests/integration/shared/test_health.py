"""Every process says whether it is alive and whether it is ready, and tells the two apart."""

from __future__ import annotations

import subprocess

import pytest
import requests

from deploy.local.cluster import Cluster
from deploy.local.layout import BIN, ROOT
from deploy.local.ports import HOST
from tests.fixtures import commands

WORKERS = ("relay", "sender", "sender-bulk", "scheduler")
WEB = ("gateway", "tracker", "webhooks")


def health_of(cluster: Cluster, name: str) -> subprocess.CompletedProcess[str]:
    """The health check of a worker."""
    return commands.run("health", name, environment=cluster.environment())


def ask(cluster: Cluster, name: str, path: str) -> requests.Response:
    """A web service, past the edge."""
    return requests.get(f"http://{HOST}:{getattr(cluster.layout.ports, name)}{path}", timeout=20)


@pytest.mark.parametrize("name", WORKERS)
def test_worker_is_healthy_while_it_beats(running: Cluster, name: str) -> None:
    done = health_of(running, name)
    assert (done.returncode, done.stderr) == (0, "")


def test_health_check_says_so_when_it_is_run_as_containers_run_it(running: Cluster) -> None:
    command = [str(BIN / "python"), "-m", "shared.health"]
    for name, status in (("relay", 0), ("nobody", 1)):
        environment = {**running.environment(), "MAILMATIC_PROCESS": name}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False)
        assert done.returncode == status


def test_worker_that_never_was_is_not_healthy(running: Cluster) -> None:
    done = health_of(running, "nobody")
    assert done.returncode == 1
    assert "no heartbeat" in done.stderr


@pytest.mark.parametrize("name", WEB)
def test_service_is_alive_and_ready(running: Cluster, name: str) -> None:
    assert ask(running, name, "/healthz").json() == {"status": "ok"}
    assert ask(running, name, "/readyz").json() == {
        "status": "ok",
        "checks": {"postgres": "ok", "rabbitmq": "ok", "redis": "ok"},
    }


@pytest.mark.usefixtures("own_servers")
@pytest.mark.parametrize("server", ["rabbitmq", "redis"])
def test_services_stay_ready_and_say_so_while_it_is_away(cluster: Cluster, server: str) -> None:
    cluster.stop(server)
    for name in WEB:
        ready = ask(cluster, name, "/readyz")
        assert (ready.status_code, ready.json()["checks"][server]) == (200, "degraded")


@pytest.mark.usefixtures("own_servers")
def test_everything_lives_and_only_the_tracker_is_ready_while_postgres_is_away(cluster: Cluster) -> None:
    cluster.stop("postgres")
    for name in WEB:
        assert ask(cluster, name, "/healthz").status_code == 200
        ready = ask(cluster, name, "/readyz")
        # links lead on without it
        expected = (200, "degraded") if name == "tracker" else (503, "unavailable")
        assert (ready.status_code, ready.json()["checks"]["postgres"]) == expected
    for name in WORKERS:
        done = health_of(cluster, name)
        assert done.returncode == 1
        assert "PostgreSQL does not answer" in done.stderr
