"""One cluster, run by supervisord: for `make run` (in `.local/`) and for the tests (in their own folder).

    with Cluster(Layout(directory, Ports.free())) as cluster:
        cluster.start_servers(); cluster.migrate(); cluster.start_services()
        cluster.stop("rabbitmq"); …; cluster.start("rabbitmq")
        cluster.kill("sender")            # SIGKILL to its whole process group; supervisord starts it again

Refuses to share its directory with another running cluster. Everything it started ends with `close()`.
"""

from __future__ import annotations

import contextlib
import math
import os
import signal
import subprocess
import time
import xmlrpc.client
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Self

from supervisor.xmlrpc import SupervisorTransport

from deploy.local import files
from deploy.local.layout import BIN, ROOT, Layout
from deploy.local.ports import is_free
from deploy.local.programs import Program, servers, services

_START_SECONDS = 120.0
_STOP_SECONDS = 60.0

Progress = Callable[[str], None]


class ClusterError(Exception):
    """The cluster can't do what was asked; the text is one line for a person."""


class Cluster:
    """Starts, stops and watches the programs of one layout."""

    def __init__(self, layout: Layout, progress: Progress = lambda line: None) -> None:
        """Nothing is started yet. `progress` is told one line a step."""
        self.layout = layout
        self._progress = progress
        self._servers = servers(layout)
        self._services = services(layout)
        self._programs = {item.name: item for item in (*self._servers, *self._services)}
        self._counts: dict[str, int] = {}
        self._started: dict[str, float] = {}
        self._supervisord: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self) -> None:
        """Checks ports and writes configuration, then starts supervisord (and no program yet).

        Raises:
            ClusterError: a cluster runs here already, or a port is taken.
        """
        if self.running():
            raise ClusterError(
                "A cluster is running here already: `make logs` shows it, `make down` stops it."
            )
        for program in self._programs.values():
            if program.port is not None and not is_free(program.port):
                hint = " (MAILMATIC_PORT=… chooses another)" if program.name == "nginx" else ""
                raise ClusterError(
                    f"Port {program.port}, for {program.name}, is taken by another process{hint}."
                )
        files.write_all(self.layout, list(self._programs.values()), self._counts)
        config = self.layout.runtime / "supervisord.conf"
        self._supervisord = subprocess.Popen(
            [str(BIN / "supervisord"), "-n", "-c", str(config)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # a Ctrl-C in the terminal is ours to pass on, in our order
        )
        self._wait(self.running, "supervisord", lambda: self._ended(self._supervisord))

    def start_servers(self) -> None:
        """Postgres, RabbitMQ, Redis and the mailbox, as far as they are ours."""
        self._start_all(self._servers)
        files.create_database(self.layout)

    def migrate(self, revision: str = "head") -> None:
        """Brings the schema to `revision`.

        Raises:
            ClusterError: with the migration's last words.
        """
        command = [str(BIN / "alembic"), "-c", "shared/migrations/alembic.ini", "upgrade", revision]
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment(), capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            words = (done.stderr or done.stdout).strip().splitlines() or ["no output"]
            raise ClusterError(f"A migration failed: {words[-1]}")

    def start_services(self) -> None:
        """Mailmatic's own processes and the edge."""
        self._start_all(self._services)

    def start(self, name: str) -> None:
        """Starts one program and waits until it is ready."""
        self._start_all([self._programs[name]])

    def stop(self, name: str) -> None:
        """Stops one program, as a deploy would, and waits until it has ended."""
        # not by a call that waits: supervisord looks only once a second who has ended, or when it is asked
        self._ask("stopProcessGroup", name, False)
        self._wait(partial(self._idle, {name}), name, lambda: None, _STOP_SECONDS)

    def kill(self, name: str) -> None:
        """SIGKILL to one program and its children; supervisord starts it again at once."""
        program = self._programs[name]
        if program.beat is not None:
            program.beat.unlink(missing_ok=True)
        os.killpg(self.pid(name), signal.SIGKILL)

    def heal(self) -> None:
        """Starts whatever is not running and waits until everything is ready."""
        down = [info["group"] for info in self._ask("getAllProcessInfo") if info["statename"] != "RUNNING"]
        self._start_all([program for program in self._programs.values() if program.name in down])
        for name in self._programs:
            self.wait_ready(name)

    def wait_ready(self, name: str) -> None:
        """Waits until a program that is being started is ready."""
        program = self._programs[name]
        self._wait(program.ready, name, lambda: self._failure(name))

    def pid(self, name: str) -> int:
        """The process id of a running program (its first process)."""
        return int(self._ask("getProcessInfo", f"{name}:0")["pid"])

    def scale(self, name: str, count: int) -> None:
        """Runs `count` processes of one worker."""
        self._counts[name] = count
        files.write_supervisor(self.layout, list(self._programs.values()), self._counts)
        self._ask("reloadConfig")
        self.stop(name)
        self._ask("removeProcessGroup", name)
        self._ask("addProcessGroup", name)
        self.start(name)

    def up_for(self, name: str) -> float:
        """For how many seconds a program has been ready at least, as far as it was started from here."""
        return time.monotonic() - self._started.get(name, -math.inf)

    @property
    def service_names(self) -> list[str]:
        """The names of our own processes and the edge."""
        return [program.name for program in self._services]

    def status(self) -> list[tuple[str, str]]:
        """Every process and what supervisord says of it."""
        return [
            (f"{info['group']}:{info['name']}", f"{info['statename']} {info['description']}")
            for info in self._ask("getAllProcessInfo")
        ]

    def environment(self) -> dict[str, str]:
        """The environment of this process with the settings of the cluster's."""
        return {**os.environ, **self.layout.environment()}

    def running(self) -> bool:
        """Whether a supervisord of this layout answers."""
        try:
            return bool(self._ask("getState")["statename"] == "RUNNING")
        except (OSError, xmlrpc.client.Fault):
            return False

    def close(self) -> None:
        """Stops everything: our processes first, then the servers they need."""
        if not self.running():
            return
        for group in (self._services, self._servers):
            for program in reversed(group):
                self._ask("stopProcessGroup", program.name, False)
            names = {program.name for program in group}
            self._wait(partial(self._idle, names), "stopping", lambda: None, _STOP_SECONDS)
        self._ask("shutdown")
        if self._supervisord is not None:
            self._supervisord.wait(_STOP_SECONDS)
        else:
            self._wait(lambda: not self.running(), "supervisord", lambda: None, _STOP_SECONDS)

    def _start_all(self, programs: list[Program]) -> None:
        started = time.monotonic()
        for program in programs:
            if program.beat is not None:
                program.beat.unlink(missing_ok=True)
            self._ask("startProcessGroup", program.name, False)
            if program.name == "epmd":  # RabbitMQ would start one of its own
                self.wait_ready(program.name)
        for program in programs:
            self.wait_ready(program.name)
            self._started[program.name] = time.monotonic()
            self._progress(f"{program.name} is ready ({time.monotonic() - started:.1f} s)")

    def _wait(
        self,
        condition: Callable[[], bool],
        what: str,
        failure: Callable[[], str | None],
        seconds: float = _START_SECONDS,
    ) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            reason = failure()
            if reason or time.monotonic() > deadline:
                raise ClusterError(
                    f"{what}: {reason or f'not ready after {seconds:.0f} s'}. {self._last_words(what)}"
                )
            time.sleep(0.05)

    def _failure(self, name: str) -> str | None:
        info = self._ask("getProcessInfo", f"{name}:0")
        return "it does not start" if info["statename"] == "FATAL" else None

    def _ended(self, process: subprocess.Popen[bytes] | None) -> str | None:
        return "it does not start" if process is not None and process.poll() is not None else None

    def _idle(self, names: set[str]) -> bool:
        return all(
            info["statename"] in ("STOPPED", "EXITED", "FATAL")
            for info in self._ask("getAllProcessInfo")
            if info["group"] in names
        )

    def _last_words(self, name: str) -> str:
        log = self.layout.logs / f"{name}.log"
        lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
        return f"Its last words: {lines[-1]}" if lines else ""

    def _ask(self, method: str, *arguments: object) -> Any:
        """One call to supervisord, on a connection of its own."""
        socket_path: Path = self.layout.runtime / "supervisor.sock"
        transport = SupervisorTransport(None, None, f"unix://{socket_path}")
        with contextlib.closing(transport):
            supervisor = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport).supervisor
            return getattr(supervisor, method)(*arguments)
