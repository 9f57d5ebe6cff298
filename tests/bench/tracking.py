"""How fast pixel and links are answered, on one process and on two, beside a bare WSGI callable.

The event writer waits until the clients are done, so that the machine is theirs and the tracker's; then every
hit must be an event, once.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from deploy.local import probes
from deploy.local.layout import BIN, ROOT
from deploy.local.ports import HOST, free_port
from shared.tracking import CLICK_PATH, OPEN_PATH, Tokens, link, whom
from tests.bench.bare import TARGET
from tests.bench.cluster import Bench
from tests.bench.figures import Figure
from tests.fixtures.waiting import wait_for

HITS = int(os.environ.get("TRACKING_HITS", "10000"))
_CLIENTS = 16
_OURS, _BARE = "services.tracker.app:create_app()", "tests.bench.bare:application"


def run(bench: Bench) -> list[Figure]:
    """Clients on raw sockets, straight to gunicorn; ours and the bare callable by turns."""
    email_id = UUID(bench.api.send(html="<p>Hi</p>")["id"])
    bench.api.wait_for_status(str(email_id), "sent")
    tokens = Tokens(bench.cluster.environment()["MAILMATIC_MASTER_KEYS"].split(","))
    kinds = {
        "pixel": OPEN_PATH + tokens.open(whom(email_id, 0)),
        "click": CLICK_PATH + tokens.click(whom(email_id, 0), link(0, TARGET)),
    }
    figures: list[Figure] = []
    for processes in (1, 2):
        for kind, path in kinds.items():
            bare, ours, drained = [], [], []
            for _ in range(bench.runs):
                bare.append(_rate(bench, _BARE, processes, path))
                rate, seconds = _recorded(bench, processes, path)
                ours.append(rate)
                drained.append(HITS / seconds)
            name = f"{kind}, {processes} process{'es' if processes > 1 else ''}"
            share = [100 * mine / its for mine, its in zip(ours, bare, strict=True)]
            figures += [
                Figure(f"{name}, bare WSGI (floor)", "hits/s", bare),
                Figure(f"{name}, tracker", "hits/s", ours),
                Figure("  of the bare callable", "%", share),
                Figure("  written down afterwards", "hits/s", drained),
            ]
    return figures


def _recorded(bench: Bench, processes: int, path: str) -> tuple[float, float]:
    """(hits a second, how long it then took until each was an event); raises if one is missing or double."""
    bench.sql("DELETE FROM events WHERE source = 'tracker'")
    bench.cluster.stop("tracker-writer")
    rate = _rate(bench, _OURS, processes, path)
    bench.cluster.start("tracker-writer")
    began = time.perf_counter()
    count = "SELECT count(*) FROM events WHERE source = 'tracker'"
    wait_for(lambda: int(str(bench.sql(count)[0][0])) >= HITS, "every hit to be an event", 120)
    seconds = time.perf_counter() - began
    if bench.sql(count) != [(HITS,)]:
        raise RuntimeError(f"{bench.sql(count)} events of {HITS} hits")
    return rate, seconds


def _rate(bench: Bench, application: str, processes: int, path: str) -> float:
    with _server(bench, application, processes) as port:
        request = f"GET {path} HTTP/1.1\r\nHost: {HOST}:{port}\r\nUser-Agent: {_AGENT}\r\n\r\n".encode()
        threads = [
            threading.Thread(target=_ask, args=(port, request, HITS // _CLIENTS)) for _ in range(_CLIENTS)
        ]
        began = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return HITS / (time.perf_counter() - began)


_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def _ask(port: int, request: bytes, count: int) -> None:
    """Asks and waits for the answer, over one connection; an answer of ours is one packet."""
    with socket.create_connection((HOST, port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(count):
            connection.sendall(request)
            answer = connection.recv(8192)
            while b"\r\n\r\n" not in answer or (
                b"image/gif" in answer and len(answer.partition(b"\r\n\r\n")[2]) < 43
            ):
                answer += connection.recv(8192)
            if not answer.startswith((b"HTTP/1.1 200", b"HTTP/1.1 302")):
                raise RuntimeError(f"an answer that was not expected: {answer[:80]!r}")


@contextmanager
def _server(bench: Bench, application: str, processes: int) -> Iterator[int]:
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="mailmatic-tracker-", dir="/var/tmp") as folder:
        environment = {
            **bench.cluster.environment(),
            "MAILMATIC_STATE_DIR": folder,
            "MAILMATIC_TRUSTED_PROXIES": "0",
            "MAILMATIC_HTTP_WORKERS": str(processes),
            "PROMETHEUS_MULTIPROC_DIR": f"{folder}/metrics",
        }
        command = [str(BIN / "gunicorn"), "-c", "services/tracker/gunicorn.conf.py"]
        with (Path(folder) / "log").open("wb") as log:
            process = subprocess.Popen(
                [*command, "--bind", f"{HOST}:{port}", application],
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=log,
            )
        try:
            wait_for(lambda: probes.http_ok(f"http://{HOST}:{port}{OPEN_PATH}x"), "a tracker of our own")
            yield port
            spool = Path(folder) / "tracker"
            wait_for(lambda: not list(spool.glob("*.hits")), "the spool to be brought away")
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(40)
