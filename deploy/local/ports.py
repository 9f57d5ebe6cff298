"""Where everything of one cluster listens, always on the loopback address."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass, fields

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Ports:
    """TCP ports of one cluster; the defaults stay clear of the servers' usual ones."""

    edge: int = 8080
    gateway: int = 18080
    tracker: int = 18081
    webhooks: int = 18082
    mailbox: int = 11025
    postgres: int = 54320
    redis: int = 56379
    rabbitmq: int = 56720
    rabbitmq_dist: int = 56721
    epmd: int = 56722

    @classmethod
    def from_env(cls) -> Ports:
        """The defaults, with the edge's port out of `MAILMATIC_PORT`."""
        return cls(edge=int(os.environ.get("MAILMATIC_PORT", cls.edge)))

    @classmethod
    def free(cls) -> Ports:
        """Ports that nobody listens on at this moment."""
        return cls(*_free(len(fields(cls))))


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    return _free(1)[0]


def _free(count: int) -> list[int]:
    held = [socket.create_server((HOST, 0)) for _ in range(count)]
    try:
        return [one.getsockname()[1] for one in held]
    finally:
        for one in held:
            one.close()


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
