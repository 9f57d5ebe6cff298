"""A real Postfix and MX hosts of every mood: what its log says reaches API, webhooks and statistics."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.local.cluster import Cluster
from deploy.local.layout import BIN, ROOT
from tests.fixtures.api import Client, new_client
from tests.fixtures.hooks import running_hooks
from tests.fixtures.own_sender import own_sender
from tests.fixtures.postfix_mx import GOOD, SILENT, PostfixMx, running_postfix_mx
from tests.fixtures.waiting import wait_for


@pytest.fixture(scope="module")
def postfix_mx() -> Iterator[PostfixMx]:
    if os.getuid() != 0:
        assert not os.environ.get("CI"), "CI runs as root, so that Postfix can start"
        pytest.skip("Postfix starts only as root")
    with running_postfix_mx() as running:
        yield running


@contextmanager
def agent(cluster: Cluster, log: Path, state: Path) -> Iterator[subprocess.Popen[bytes]]:
    """postfix-agent on `log`, with what it remembers in `state`; killed at the end, as by a crash."""
    environment = {
        **cluster.environment(),
        "MAILMATIC_AGENT_LOG": str(log),
        "MAILMATIC_STATE_DIR": str(state),
        "MAILMATIC_PROCESS": "postfix-agent",
    }
    command = [str(BIN / "python"), "-m", "services.webhooks.postfix_agent"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(10)


def to(mood: str, domain: str = GOOD) -> str:
    return f"{mood}+{uuid.uuid4().hex[:12]}@{domain}"


#: mood and domain → the state in which it ends, the class of the refusal
ENDS = {
    ("ok", GOOD): ("delivered", None),
    ("later-once", GOOD): ("delivered", None),
    ("refused", GOOD): ("bounced", "hard"),
    ("full", GOOD): ("bounced", "soft"),
    ("policy", GOOD): ("bounced", "block"),
    ("later", GOOD): ("failed", "soft"),
    ("x", SILENT): ("failed", "soft"),
    ("x", "nowhere.test"): ("bounced", "hard"),
}


def counted(client: Client) -> dict[str, int]:
    """How the statistics say that emails ended."""
    totals = client.get("/api/stats").json()["totals"]
    return {name: totals[name] for name in ("delivered", "bounced", "failed")}


FINAL = ("email.delivered", "email.bounced", "email.failed")


def test_each_end_reaches_api_webhook_and_statistics_once_though_log_and_agent_are_interrupted(
    cluster: Cluster, postfix_mx: PostfixMx
) -> None:
    client = new_client(cluster)
    with (
        running_hooks() as hooks,
        own_sender(cluster, postfix_mx.port, MAILMATIC_MX_CHECK="off"),
        tempfile.TemporaryDirectory(prefix="mailmatic-agent-", dir="/var/tmp") as folder,
    ):
        made = client.post("/api/webhook-endpoints", {"url": hooks.url("/ok/ends"), "events": ["email.*"]})
        assert made.status_code == 201
        sent = {}

        def send_all() -> None:
            for mood, end in ENDS.items():
                address = to(*mood)
                sent[address] = (client.send(to=address), end)

        with agent(cluster, postfix_mx.log, Path(folder)):
            send_all()
            first = next(iter(sent))
            client.wait_for_status(sent[first][0]["id"], "delivered")
        # While nobody follows. A new log takes a reload, and Postfix leaves a message alone for minutes that
        # it was just busy with then, so it is to be done with all at that moment.
        send_all()
        for email, _ in sent.values():
            client.wait_for_status(email["id"], "sent", "delivered", "bounced", "failed")
        wait_for(postfix_mx.is_done, "Postfix to deliver or give up all")
        postfix_mx.rotate()
        send_all()
        with agent(cluster, postfix_mx.log, Path(folder)):
            for address, (email, (status, kind)) in sent.items():
                (recipient,) = client.wait_for_status(email["id"], status)["recipients"]
                assert recipient["bounce_class"] == kind, (address, recipient)
        wanted = Counter((f"email.{status}", address) for address, (_, (status, _)) in sent.items())

        def told() -> bool:
            said = [(hook.said["type"], hook.said["data"]["recipient"]) for hook in hooks.at("/ok/ends")]
            return Counter(item for item in said if item[0] in FINAL) == wanted

        wait_for(told, "each end to be told once")
        wait_for(lambda: counted(client) == Counter(status for _, (status, _) in sent.values()), "statistics")
        for address, count in postfix_mx.exchange.taken.items():
            assert count == 1, f"{address} got it {count} times"
