"""A newcomer's first email: from an API key through the real path into the mailbox."""

from __future__ import annotations

import json
import mailbox
import shlex
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from deploy.local.cluster import Cluster, ClusterError
from deploy.local.layout import BIN, ROOT, Layout

_DELIVERY_SECONDS = 30.0
RECIPIENT = "you@example.com"


def introduce(cluster: Cluster) -> dict[str, str]:
    """Sends the first email and returns what `.local/env` holds; a key that still works is kept.

    Raises:
        ClusterError: the email did not arrive, and how far it got.
    """
    layout = cluster.layout
    known = read_env(layout)
    if known is None or not _works(known):
        known = _bootstrap(cluster)
    known |= {
        "MAILMATIC_SMTP_HOST": "localhost",
        "MAILMATIC_SMTP_PORT": str(layout.ports.smtp),
        "MAILMATIC_SMTPS_PORT": str(layout.ports.smtps),
        "MAILMATIC_SMTP_USERNAME": "apikey",
        "MAILMATIC_SMTP_PASSWORD": known["MAILMATIC_API_KEY"],
    }
    write_env(layout, known)
    answer = _send(known)
    _await_delivery(known, answer)
    return known


def env_file(layout: Layout) -> Path:
    """What scripts source."""
    return layout.directory / "env"


def read_env(layout: Layout) -> dict[str, str] | None:
    """The variables of the env file, or None without one."""
    path = env_file(layout)
    if not path.exists():
        return None
    pairs = (
        line.removeprefix("export ").split("=", 1) for line in path.read_text().splitlines() if "=" in line
    )
    known = {name: shlex.split(value)[0] for name, value in pairs}
    return {**known, "MAILMATIC_URL": layout.url}


def write_env(layout: Layout, variables: dict[str, str]) -> None:
    """Writes the env file, readable by its owner alone."""
    path = env_file(layout)
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text("".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items()))


def curl_line(variables: dict[str, str]) -> str:
    """A command that sends one email, ready to paste."""
    body = {
        "from": variables["MAILMATIC_FROM"],
        "to": RECIPIENT,
        "subject": "Hello from Mailmatic",
        "html": "<h1>Welcome!</h1>",
    }
    return (
        f"curl -X POST {variables['MAILMATIC_URL']}/api/send \\\n"
        f'  -H "Authorization: Bearer {variables["MAILMATIC_API_KEY"]}" \\\n'
        '  -H "Content-Type: application/json" \\\n'
        f"  -d {shlex.quote(json.dumps(body))}"
    )


def _bootstrap(cluster: Cluster) -> dict[str, str]:
    command = [str(BIN / "python"), "-m", "services.gateway.cli", "bootstrap", "--json"]
    done = subprocess.run(
        command, cwd=ROOT, env=cluster.environment(), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise ClusterError(f"The first account could not be made: {done.stderr.strip().splitlines()[-1]}")
    made = json.loads(done.stdout)
    return {
        "MAILMATIC_URL": cluster.layout.url,
        "MAILMATIC_API_KEY": made["api_key"],
        "MAILMATIC_FROM": made["from"],
        "MAILMATIC_MAILBOX": str(cluster.layout.mailbox),
    }


def _works(known: dict[str, str]) -> bool:
    try:
        _call(known, "GET", "/api/emails?limit=1")
    except ClusterError:
        return False
    return True


def _send(known: dict[str, str]) -> dict[str, Any]:
    body = {
        "from": known["MAILMATIC_FROM"],
        "to": RECIPIENT,
        "subject": "Hello from Mailmatic",
        "html": "<h1>It works</h1><p>This email went through the API, RabbitMQ, the sender and SMTP.</p>",
        "text": "It works: this email went through the API, RabbitMQ, the sender and SMTP.",
    }
    return _call(known, "POST", "/api/send", body)


def _await_delivery(known: dict[str, str], answer: dict[str, Any]) -> None:
    deadline = time.monotonic() + _DELIVERY_SECONDS
    while time.monotonic() < deadline:
        status = _call(known, "GET", f"/api/emails/{answer['id']}")["status"]
        if status in ("sent", "delivered") and _in_mailbox(known["MAILMATIC_MAILBOX"], answer["message_id"]):
            return
        time.sleep(0.1)
    raise ClusterError(
        f"The first email was accepted but is still {status!r} after {_DELIVERY_SECONDS:.0f} s."
    )


def _in_mailbox(path: str, message_id: str) -> bool:
    return any(message["Message-ID"] == message_id for message in mailbox.Maildir(path, create=False))


def _call(known: dict[str, str], method: str, path: str, body: object = None) -> dict[str, Any]:
    request = urllib.request.Request(  # noqa: S310 - loopback, our own origin
        known["MAILMATIC_URL"] + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "Authorization": f"Bearer {known['MAILMATIC_API_KEY']}",
            "Content-Type": "application/json",
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
            answer: dict[str, Any] = json.load(response)
            return answer
    except urllib.error.HTTPError as error:
        raise ClusterError(f"{method} {path} answered {error.code}: {error.read()[:300].decode()}") from error
    except OSError as error:
        raise ClusterError(f"{method} {path}: {error}") from error
