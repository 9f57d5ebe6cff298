"""Every process tells Prometheus what it does, several processes of a service together."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from deploy.local.ports import HOST, free_port
from shared.clock import now
from tests.fixtures.api import Client
from tests.fixtures.cluster import Cluster
from tests.fixtures.own_worker import own_worker
from tests.fixtures.waiting import wait_for

_RELAY = ["python", "-m", "shared.relay"]
_SCHEDULER = ["python", "-m", "services.campaigns.scheduler"]
_SENDER = ["dramatiq", "--processes", "2", "--threads", "2", "services.sender.worker", "--queues", "sender"]

Page = Callable[[], dict[str, float]]


def read(url: str) -> dict[str, float]:
    """Name with labels → value."""
    answer = requests.get(url, timeout=20)
    assert answer.status_code == 200, answer.text
    lines = (line.rpartition(" ") for line in answer.text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


@contextmanager
def measured(running: Cluster, name: str, command: list[str], folder: Path) -> Iterator[Page]:
    """A worker of our own, and its page."""
    port = free_port()
    more = {"MAILMATIC_METRICS_PORT": str(port), "PROMETHEUS_MULTIPROC_DIR": str(folder / "metrics")}
    with own_worker(running, name, command, **more):
        yield lambda: read(f"http://{HOST}:{port}/metrics")


def test_the_scheduler_tells_what_waits(running: Cluster, api: Client, tmp_path: Path) -> None:
    api.send(send_at=now().replace(year=now().year + 1, month=1, day=1).isoformat())
    with measured(running, "scheduler", _SCHEDULER, tmp_path) as page:
        found = page()
    of_scheduled = '{kind="emails",state="scheduled"}'
    assert found["mailmatic_unfinished_rows" + of_scheduled] >= 1
    assert found["mailmatic_unfinished_oldest_seconds" + of_scheduled] > 0
    assert found['mailmatic_queue_messages{queue="sender"}'] >= 0
    assert found['mailmatic_unfinished_rows{kind="outbox",state="due"}'] >= 0


def test_http_services_count_for_all_their_processes(running: Cluster, api: Client) -> None:
    url = f"http://{HOST}:{running.layout.ports.gateway}/metrics"
    asked = 'mailmatic_http_requests_total{endpoint="send.send_email",method="POST",status="202"}'
    before = read(url)
    for _ in range(12):
        api.send()
    after = read(url)
    assert after[asked] - before.get(asked, 0) == 12
    assert after["mailmatic_emails_accepted_total"] - before["mailmatic_emails_accepted_total"] == 12


def test_a_sender_counts_attempts_retries_and_connections(
    cluster: Cluster, api: Client, tmp_path: Path
) -> None:
    cluster.stop("sender")
    with measured(cluster, "sender", _SENDER, tmp_path) as page:
        held = api.send(to="deferred-twice@metrics.example.com")["id"]
        ids = [api.send()["id"] for _ in range(8)]
        for id in (held, *ids):
            api.wait_for_status(id, "sent")
        found = page()
    attempts = {
        re.findall(r'status="(\w+)"', name)[0]: value
        for name, value in found.items()
        if name.startswith("mailmatic_email_attempts_total")
    }
    assert attempts["sent"] == 9
    assert attempts["deferred"] == 2
    assert found['mailmatic_email_retries_total{stream="transactional"}'] == 2
    made = [value for name, value in found.items() if name.startswith("mailmatic_smtp_connections_total{")]
    assert sum(made) >= 1
    assert found['mailmatic_message_seconds_count{actor="sender.send_emails"}'] >= 1


def test_another_process_serves_when_the_one_that_did_is_gone(running: Cluster, tmp_path: Path) -> None:
    port = free_port()
    more = {"MAILMATIC_METRICS_PORT": str(port), "PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "metrics")}
    url = f"http://{HOST}:{port}/metrics"
    with own_worker(running, "relay", _RELAY, **more) as first, own_worker(running, "relay", _RELAY, **more):
        assert "mailmatic_outbox_relayed_total" in read(url)
        first.process.send_signal(signal.SIGTERM)
        first.process.wait(20)
        wait_for(lambda: _answers(url), "the other to serve", 20)
        assert requests.get(url.removesuffix("metrics"), timeout=20).status_code == 404


def _answers(url: str) -> bool:
    try:
        return "mailmatic_outbox_relayed_total" in read(url)
    except requests.ConnectionError:
        return False
