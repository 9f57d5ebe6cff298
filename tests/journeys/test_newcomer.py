"""The way of the README from nothing to a first email: its `curl` lines, with what answers told."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

from deploy.local.cluster import Cluster
from deploy.local.layout import ROOT
from tests.fixtures.dns_server import Dns, fresh
from tests.fixtures.domains import INSTALL, published
from tests.fixtures.relay import Relay
from tests.fixtures.waiting import wait_for

HEADING = "## From nothing to a first email"
STEPS = ["auth/register", "domains", "domains/DOMAIN_ID/verify", "credentials", "send"]


def curl_lines() -> dict[str, str]:
    """What of /api the README calls → the line with which it does, in its order."""
    section = (ROOT / "README.md").read_text().partition(HEADING)[2].partition("\n## ")[0]
    blocks = "".join(re.findall(r"```sh\n(.*?)```", section, re.DOTALL))
    lines = re.findall(r"^curl .*?[^\\]\n", blocks, re.DOTALL | re.MULTILINE)
    return {re.findall(r"\$MAILMATIC_URL/api/(\S+)", line)[0]: line for line in lines}


def test_readmes_lines_lead_from_register_to_a_first_email_that_arrives(
    running: Cluster, relay: Relay, dns: Dns, tmp_path: Path
) -> None:
    lines, told = curl_lines(), {"example.com": fresh()}

    def run(step: str) -> dict[str, Any]:
        """The answer to a line of the README."""
        line = lines[step]
        for placeholder, value in told.items():
            line = line.replace(placeholder, value)
        command = ["bash", "-ec", line.replace("curl ", "curl -sS --fail-with-body ", 1)]
        environment = {**running.environment(), "MAILMATIC_URL": running.layout.url}
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return dict(json.loads(done.stdout))

    assert list(lines) == STEPS
    told["CSRF_TOKEN"] = run("auth/register")["csrf_token"]
    domain = run("domains")
    told["DOMAIN_ID"] = domain["id"]
    dns.set_all({**INSTALL, **published(domain)})
    assert run("domains/DOMAIN_ID/verify")["status"] == "verified"
    told["API_KEY"] = run("credentials")["api_key"]
    sent = run("send")
    (received,) = wait_for(lambda: relay.received(sent["message_id"]), "the first email")
    assert received.message.get_content().strip() == "It works."
    assert received.message["DKIM-Signature"]
