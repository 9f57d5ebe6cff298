"""`python -m deploy.local COMMAND`: the cluster's commands, as the Makefile calls them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click

from deploy.local import first_email
from deploy.local.cluster import Cluster, ClusterError
from deploy.local.files import InitFailed
from deploy.local.layout import BIN, ROOT, Layout
from deploy.local.ports import Ports
from deploy.local.programs import MissingBinary

_GIVEN = ("DATABASE_URL", "RABBITMQ_URL", "REDIS_URL")


@click.group(help=__doc__)
def main() -> None:
    """The group of all commands."""


@main.command()
def run() -> None:
    """Start everything, deliver a first email, show the logs; Ctrl-C stops what was started."""
    with _one_line_errors(), _interruptible(), _cluster() as cluster:
        _bring_up(cluster)
        click.echo("\nThe logs follow; Ctrl-C stops everything that was started here.\n")
        try:
            _follow(cluster)
        finally:
            click.echo("\nStopping …")


@main.command()
def up() -> None:
    """Start everything in the background and return when it is ready."""
    with _one_line_errors():
        cluster = _cluster()
        try:
            _bring_up(cluster)
        except BaseException:
            cluster.close()
            raise
        click.echo("\nIt runs in the background: `make logs` shows it, `make down` stops it.")


@main.command()
def down() -> None:
    """Stop the cluster of this folder."""
    with _one_line_errors():
        _cluster().close()


@main.command()
def status() -> None:
    """Every process and how it is."""
    with _one_line_errors():
        for name, words in _running().status():
            click.echo(f"{name:<18}{words}")


@main.command()
def logs() -> None:
    """Follow the logs of all processes."""
    with _one_line_errors(), _interruptible():
        _follow(_running())


@main.command()
@click.argument("name")
@click.argument("count", type=click.IntRange(1, 32))
def scale(name: str, count: int) -> None:
    """Run COUNT processes of worker NAME."""
    with _one_line_errors():
        _running().scale(name, count)


@main.command()
def psql() -> None:
    """A psql on the cluster's database."""
    os.execvp("psql", ["psql", _cluster().layout.database_url])  # noqa: S606


@main.command()
def shell() -> None:
    """A Python with the cluster's settings."""
    cluster = _cluster()
    os.chdir(ROOT)
    python = ["python", "-i", "-c", "from shared.models import *"]
    os.execve(BIN / "python", python, cluster.environment())  # noqa: S606


@main.command()
@click.argument("message")
def migration(message: str) -> None:
    """Write the next migration: what the models have and the database has not."""
    with _one_line_errors():
        cluster = _running()
        head = ROOT / "shared/migrations/HEAD"
        revision = f"{int(head.read_text()) + 1:04d}"
        command = [str(BIN / "alembic"), "-c", "shared/migrations/alembic.ini", "revision", "--autogenerate"]
        subprocess.run(
            [*command, "--rev-id", revision, "-m", message], cwd=ROOT, env=cluster.environment(), check=True
        )
        head.write_text(f"{revision}\n")


def _bring_up(cluster: Cluster) -> None:
    started = time.monotonic()
    cluster.open()
    cluster.start_servers()
    cluster.migrate()
    click.echo("  the schema is up to date")
    cluster.start_services()
    known = first_email.introduce(cluster)
    click.echo(
        f"\nA first email was delivered to {first_email.RECIPIENT}; it lies in {known['MAILMATIC_MAILBOX']}\n"
        f"({time.monotonic() - started:.0f} s in all)\n\n"
        f"  URL      {known['MAILMATIC_URL']}        (reference: {known['MAILMATIC_URL']}/docs)\n"
        f"  API key  {known['MAILMATIC_API_KEY']}\n"
        f"  SMTP     localhost, {known['MAILMATIC_SMTP_PORT']} (STARTTLS) or "
        f"{known['MAILMATIC_SMTPS_PORT']} (TLS); user {known['MAILMATIC_SMTP_USERNAME']}, "
        "password: the API key\n\n"
        f"{first_email.curl_line(known)}\n\n"
        f"For scripts: source {os.path.relpath(first_email.env_file(cluster.layout))}"
    )


def _follow(cluster: Cluster) -> None:
    files = [str(cluster.layout.logs / f"{name}.log") for name in cluster.service_names]
    with subprocess.Popen(["tail", "-q", "-n", "3", "-F", *files], stderr=subprocess.DEVNULL) as tail:
        try:
            while tail.poll() is None:
                time.sleep(0.5)
                if not cluster.running():
                    raise ClusterError("The cluster was stopped from elsewhere.")
        finally:
            tail.terminate()


def _cluster() -> Cluster:
    given = {name: os.environ[name] for name in _GIVEN if os.environ.get(name)}
    layout = Layout(ROOT / ".local", Ports.from_env(), given)
    return Cluster(layout, progress=lambda line: click.echo(f"  {line}"))


def _running() -> Cluster:
    cluster = _cluster()
    if not cluster.running():
        raise ClusterError("Nothing is running here. `make run` starts it.")
    return cluster


@contextmanager
def _one_line_errors() -> Iterator[None]:
    try:
        yield
    except (ClusterError, MissingBinary, InitFailed) as error:
        click.echo(f"mailmatic: {error}", err=True)
        sys.exit(1)


@contextmanager
def _interruptible() -> Iterator[None]:
    """SIGTERM ends like Ctrl-C, and both quietly."""

    def interrupt(*_: object) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second one must not cut the stopping short
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        click.echo("Stopped.")


main()
