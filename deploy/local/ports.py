"""Where everything of one cluster listens, always on the loopback address."""

from __future__ import annotations

import fcntl
import os
import random
import socket
import tempfile
from dataclasses import dataclass, fields, replace
from pathlib import Path

HOST = "127.0.0.1"

#: Where free ports are looked for. Not where the system takes clients' ports from (32768 and up on Linux): a
#: server that is stopped for a while would find its port taken by somebody's connection.
_FREE = range(20_000, 32_000)


@dataclass(frozen=True)
class Ports:
    """TCP ports of one cluster; the defaults stay clear of the servers' usual ones, and of clients'."""

    edge: int = 8080
    gateway: int = 18080
    tracker: int = 18081
    webhooks: int = 18082
    streams: int = 18083
    smtp: int = 1587
    smtps: int = 1465
    intake: int = 12525
    mailbox: int = 11025
    postgres: int = 15432
    redis: int = 16379
    rabbitmq: int = 15720
    rabbitmq_dist: int = 15721
    epmd: int = 15722
    #: of the first worker's metrics; the others' are behind it. 0: none
    metrics: int = 19100

    @classmethod
    def from_env(cls) -> Ports:
        """The defaults, with the edge's port out of `MAILMATIC_PORT`."""
        return cls(edge=int(os.environ.get("MAILMATIC_PORT", cls.edge)))

    @classmethod
    def free(cls) -> Ports:
        """Ports that are free and stay ours until this process ends; nobody looks at workers' metrics."""
        return replace(cls(*(free_port() for _ in fields(cls))), metrics=0)


def free_port() -> int:
    """A port that is free, and that nobody else who asks here gets until this process ends."""
    candidates = iter(lambda: random.choice(_FREE), None)  # noqa: S311
    return next(port for port in candidates if _claim(port) and is_free(port))


def _claim(port: int) -> bool:
    """Whether `port` was nobody's yet. Who starts meanwhile must not choose what we shall listen on."""
    folder = Path(tempfile.gettempdir()) / f"mailmatic-ports-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(folder / str(port), os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # held while the descriptor is open
    except BlockingIOError:
        os.close(descriptor)
        return False
    return True


def is_free(port: int) -> bool:
    """Whether we could listen on `port`."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def answers(port: int) -> bool:
    """Whether somebody accepts connections on `port`."""
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return False
    return True
