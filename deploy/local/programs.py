"""Every program of the cluster as data: how it is started, stopped, and known to be ready."""

from __future__ import annotations

import shutil
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from deploy.local import probes
from deploy.local.layout import BIN, ROOT, Layout
from deploy.local.ports import HOST, answers

_RABBITMQ = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")


class MissingBinary(Exception):
    """A server is not installed; the text says which and how to get it."""


@dataclass(frozen=True)
class Program:
    """One program: what supervisord runs, and when it counts as ready."""

    name: str
    command: list[str]
    ready: Callable[[], bool]
    environment: dict[str, str] = field(default_factory=dict)
    user: str | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    port: int | None = None
    directory: Path = ROOT
    #: the heartbeat file of a worker, removed before it starts
    beat: Path | None = None


def servers(layout: Layout) -> list[Program]:
    """The servers under Mailmatic that were not given by URL, in the order they start."""
    programs = []
    if "DATABASE_URL" not in layout.given:
        programs.append(_postgres(layout))
    if "RABBITMQ_URL" not in layout.given:
        programs += [_epmd(layout), _rabbitmq(layout)]
    if "REDIS_URL" not in layout.given:
        programs.append(_redis(layout))
    return [*programs, _mailbox(layout)]


def services(layout: Layout) -> list[Program]:
    """Mailmatic's own processes and the edge in front of them."""
    ports = layout.ports
    dramatiq = [str(BIN / "dramatiq"), "--processes", "1"]
    sender = [*dramatiq, "services.sender.worker", "--threads", "4", "--queues", "sender"]
    # signatures keep every core busy, which one Python can't
    bulk = [str(BIN / "dramatiq"), "--processes", "2", "services.sender.worker", "--threads", "2"]
    campaigns = [*dramatiq, "services.campaigns.worker", "--threads", "4"]
    webhooks = [*dramatiq, "services.webhooks.worker"]
    tracker = [*dramatiq, "services.tracker.worker", "--threads", "2"]
    return [
        _worker(layout, "relay", [str(BIN / "python"), "-m", "shared.relay"]),
        _worker(layout, "sender", sender),
        _worker(layout, "sender-bulk", [*bulk, "--queues", "sender-bulk"]),
        _worker(layout, "tracker-writer", [*tracker, "--queues", "tracker"]),
        _worker(layout, "webhooks-in", [*webhooks, "--threads", "2", "--queues", "webhooks-in"]),
        _worker(layout, "webhooks-out", [*webhooks, "--threads", "32", "--queues", "webhooks-out"]),
        _worker(layout, "webhooks-slow", [*webhooks, "--threads", "32", "--queues", "webhooks-slow"]),
        _worker(layout, "scheduler", [str(BIN / "python"), "-m", "services.campaigns.scheduler"]),
        _worker(layout, "campaigns", [*campaigns, "--queues", "campaigns"]),
        _submission(layout),
        _intake(layout),
        _web(layout, "gateway", ports.gateway),
        _streams(layout),
        _web(layout, "tracker", ports.tracker),
        _web(layout, "webhooks", ports.webhooks),
        _edge(layout),
    ]


def _web(layout: Layout, name: str, port: int) -> Program:
    module = f"services/{name}/gunicorn.conf.py"
    return Program(
        name,
        [str(BIN / "gunicorn"), "-c", module, "--bind", f"{HOST}:{port}"],
        ready=lambda: probes.http_ok(f"http://{HOST}:{port}/readyz"),
        environment={
            **layout.environment(),
            "PROMETHEUS_MULTIPROC_DIR": str(layout.directory / "metrics" / name),
        },
        port=port,
    )


def _streams(layout: Layout) -> Program:
    port = layout.ports.streams
    return Program(
        "streams",
        [str(BIN / "python"), "-m", "services.gateway.streaming", HOST, str(port)],
        ready=lambda: probes.http_ok(f"http://{HOST}:{port}/readyz"),
        environment=layout.environment(),
        port=port,
    )


#: In the order of their ports for metrics.
_WORKERS = (
    "scheduler",
    "relay",
    "sender",
    "sender-bulk",
    "campaigns",
    "tracker-writer",
    "webhooks-in",
    "webhooks-out",
    "webhooks-slow",
    "submission",
    "intake",
)


def _worker(layout: Layout, name: str, command: list[str]) -> Program:
    beat = layout.directory / "state" / "health" / f"{name}@{socket.gethostname()}"
    first = layout.ports.metrics
    environment = {
        "MAILMATIC_METRICS_PORT": str(first + _WORKERS.index(name) if first else 0),
        **layout.environment(),
        "PROMETHEUS_MULTIPROC_DIR": str(layout.directory / "metrics" / name),
    }
    return Program(name, command, ready=beat.exists, environment=environment, beat=beat)


def _submission(layout: Layout) -> Program:
    worker = _worker(layout, "submission", [str(BIN / "python"), "-m", "services.gateway.submission"])
    return replace(worker, port=layout.ports.smtp)


def _intake(layout: Layout) -> Program:
    worker = _worker(layout, "intake", [str(BIN / "python"), "-m", "services.webhooks.intake"])
    return replace(worker, port=layout.ports.intake)


def _edge(layout: Layout) -> Program:
    port = layout.ports.edge
    config = layout.directory / "nginx" / "nginx.conf"
    return Program(
        "nginx",
        [binary("nginx", "nginx"), "-e", "stderr", "-p", str(config.parent), "-c", str(config)],
        ready=lambda: probes.http_ok(f"http://{HOST}:{port}/readyz"),
        stop_signal=signal.SIGQUIT,
        port=port,
    )


def _mailbox(layout: Layout) -> Program:
    port = layout.ports.mailbox
    command = [str(BIN / "python"), "-m", "aiosmtpd", "-n", "-u", "-s", str(40 * 1024 * 1024)]
    command += ["-l", f"{HOST}:{port}", "-c", "aiosmtpd.handlers.Mailbox", str(layout.mailbox)]
    return Program("mailbox", command, ready=lambda: answers(port), port=port)


def _postgres(layout: Layout) -> Program:
    return Program(
        "postgres",
        [str(postgres_bin() / "postgres"), "-D", str(layout.postgres_data)],
        ready=lambda: probes.postgres_answers(layout.maintenance_url),
        user=layout.unprivileged,
        stop_signal=signal.SIGINT,  # "fast": open transactions are rolled back
        port=layout.ports.postgres,
        directory=Path("/"),
    )


def _epmd(layout: Layout) -> Program:
    port = layout.ports.epmd
    return Program(
        "epmd",
        [binary("epmd", "rabbitmq-server"), "-port", str(port), "-address", HOST],
        ready=lambda: answers(port),
        port=port,
    )


def _rabbitmq(layout: Layout) -> Program:
    if not _RABBITMQ.exists():
        raise MissingBinary("rabbitmq-server is not installed. Run `make setup`, or use `docker compose up`.")
    home, ports = layout.directory / "rabbitmq", layout.ports
    environment = {
        "HOME": str(home),
        "RABBITMQ_NODENAME": f"mailmatic-{layout.key}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": HOST,
        "RABBITMQ_NODE_PORT": str(ports.rabbitmq),
        "RABBITMQ_DIST_PORT": str(ports.rabbitmq_dist),
        "RABBITMQ_MNESIA_BASE": str(home / "mnesia"),
        "RABBITMQ_LOG_BASE": str(home / "log"),
        "RABBITMQ_PLUGINS_EXPAND_DIR": str(home / "plugins"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "enabled_plugins"),
        "RABBITMQ_GENERATED_CONFIG_DIR": str(home / "config"),
        "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq"),
        "RABBITMQ_CONF_ENV_FILE": str(home / "rabbitmq-env.conf"),
        "RABBITMQ_PID_FILE": str(home / "pid"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        "ERL_EPMD_ADDRESS": HOST,
        "ERL_EPMD_PORT": str(ports.epmd),
    }
    return Program(
        "rabbitmq",
        [str(_RABBITMQ)],
        ready=lambda: probes.rabbitmq_answers(layout.rabbitmq_url),
        environment=environment,
        port=ports.rabbitmq,
        directory=home,
    )


def _redis(layout: Layout) -> Program:
    port, home = layout.ports.redis, layout.directory / "redis"
    command = [
        binary("redis-server", "redis-server"),
        "--port",
        str(port),
        "--bind",
        HOST,
        "--dir",
        str(home),
    ]
    return Program(
        "redis",
        [*command, "--save", "", "--appendonly", "no"],
        ready=lambda: probes.redis_answers(layout.redis_url),
        port=port,
    )


def postgres_bin() -> Path:
    """The folder with the newest installed PostgreSQL's programs."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[4]), reverse=True
    )
    if not found:
        raise MissingBinary("PostgreSQL is not installed. Run `make setup`, or use `docker compose up`.")
    return found[0].parent


def binary(name: str, package: str) -> str:
    """The path of an installed program.

    Raises:
        MissingBinary: it is not installed.
    """
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if found is None:
        raise MissingBinary(f"{package} is not installed. Run `make setup`, or use `docker compose up`.")
    return found
