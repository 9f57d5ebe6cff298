"""Clients that ask again as soon as they are answered, over connections that they keep."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.fixtures.api import Client

CLIENTS = 8


@dataclass
class Load:
    """Answers of a run: how many, in how many seconds, and how long each took (seconds)."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.latencies) / self.seconds


def post(
    api: Client, path: str, bodies: Sequence[object], expected: int = 202, clients: int = CLIENTS
) -> Load:
    """POSTs every body, `clients` at a time."""
    raw = [json.dumps(body).encode() for body in bodies]

    def ask(client: _Connection, number: int) -> int:
        return client.request("POST", path, raw[number])

    return _run(api, len(raw), ask, expected, clients)


def get(api: Client, path: str, count: int) -> Load:
    """GETs a path `count` times, `CLIENTS` at a time."""
    return _run(api, count, lambda client, _: client.request("GET", path, None), 200, CLIENTS)


class _Connection:
    def __init__(self, api: Client) -> None:
        self._http = http.client.HTTPConnection(urlsplit(api.url).netloc)
        self._headers = {"Authorization": f"Bearer {api.key}", "Content-Type": "application/json"}

    def request(self, method: str, path: str, body: bytes | None) -> int:
        self._http.request(method, path, body, self._headers)
        response = self._http.getresponse()
        response.read()
        return response.status

    def close(self) -> None:
        self._http.close()


def _run(
    api: Client, count: int, ask: Callable[[_Connection, int], int], expected: int, clients: int
) -> Load:
    load, numbers, lock = Load(), iter(range(count)), threading.Lock()
    unexpected: list[int] = []

    def work() -> None:
        client = _Connection(api)
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                break
            began = time.perf_counter()
            status = ask(client, number)
            load.latencies.append(time.perf_counter() - began)
            if status != expected:
                unexpected.append(status)
        client.close()

    threads = [threading.Thread(target=work) for _ in range(clients)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    load.seconds = time.perf_counter() - began
    if unexpected:
        raise RuntimeError(f"{len(unexpected)} of {count} answers were not {expected}: {unexpected[:3]}")
    return load
