"""What postfix-agent reads besides a file: systemd's journal, and standard input."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from deploy.local.cluster import Cluster
from deploy.local.layout import BIN, ROOT
from tests.fixtures.api import Client
from tests.fixtures.journal import Journal, running_journal
from tests.fixtures.waiting import wait_for


@pytest.fixture
def journal() -> Iterator[Journal]:
    if os.getuid() != 0:
        assert not os.environ.get("CI"), "CI runs as root, so that a journal can be started"
        pytest.skip("a journal is started only by root")
    with running_journal() as running:
        yield running


@pytest.fixture
def state() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="mailmatic-agent-", dir="/var/tmp") as folder:
        yield folder


@contextmanager
def agent(
    cluster: Cluster, log: str, state: str, inside: Sequence[str] = ()
) -> Iterator[subprocess.Popen[bytes]]:
    """postfix-agent on a source; killed at the end, if it still runs."""
    settings = {"MAILMATIC_AGENT_LOG": log, "MAILMATIC_STATE_DIR": state, "MAILMATIC_PROCESS": "agent"}
    with subprocess.Popen(
        [*inside, str(BIN / "python"), "-m", "services.webhooks.postfix_agent"],
        cwd=ROOT,
        env={**cluster.environment(), **settings},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def sent(client: Client) -> dict[str, Any]:
    email = client.send()
    return client.wait_for_status(email["id"], "sent")


def lines(email: dict[str, Any], queue_id: str) -> list[str]:
    """What Postfix logs of an email that it delivers."""
    (recipient,) = email["recipients"]
    result = (
        f"to=<{recipient['address']}>, relay=mx.example.com[192.0.2.1]:25, delay=0.3, delays=0.1/0/0.1/0.1, "
        "dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 1)"
    )
    return [
        f"postfix/cleanup[1]: {queue_id}: message-id={email['message_id']}",
        f"postfix/smtp[1]: {queue_id}: {result}",
        f"postfix/qmgr[1]: {queue_id}: removed",
    ]


def test_journal_is_followed_and_what_came_meanwhile_is_read_later(
    running: Cluster, api: Client, journal: Journal, state: str
) -> None:
    first, second = sent(api), sent(api)
    with agent(running, "journal", state, journal.inside) as process:
        # without a position it reads what comes from now on: when that is nobody tells, so it is told again
        def told() -> bool:
            for line in lines(first, "4gQ7b45Vz1z9rxL"):
                journal.log(line)
            return bool(api.email(first["id"])["status"] == "delivered")

        wait_for(told, "the delivery")
        process.kill()
        process.wait(10)
    for line in lines(second, "4gQ7b45Vz1z9rxM"):
        journal.log(line)
    with agent(running, "journal", state, journal.inside) as process:
        api.wait_for_status(second["id"], "delivered")
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0, "it stops though nothing comes"


def test_standard_input_is_read_to_its_end(running: Cluster, api: Client, state: str) -> None:
    email = sent(api)
    with agent(running, "-", state) as process:
        stamped = [f"Nov 27 03:59:00 mx {line}" for line in lines(email, "4gQ7b45Vz1z9rxN")]
        assert process.stdin is not None
        process.stdin.write("\n".join(stamped).encode())  # the last line has no end
        process.stdin.close()
        assert process.wait(60) == 0
    api.wait_for_status(email["id"], "delivered")
