"""One HTTP request to a customer's endpoint: where it goes, how long it may take, what counts as done.

Built on `http.client`, which follows no redirects, knows no proxies and connects only where we connected it.
A deadline ends the whole request, however slowly its answer trickles in. No transaction is open meanwhile.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from urllib.parse import urlsplit

from services.webhooks.backoff import retry_after
from services.webhooks.targets import Forbidden, Unreachable, connect
from shared.clock import now

#: What is kept of an answer (octets).
_KEPT = 1_024


@dataclass(frozen=True)
class Answer:
    """What became of one attempt: the answer's status, or why there is none."""

    at: datetime
    duration_ms: int
    status: int | None = None
    response: str | None = None
    error: str | None = None
    #: seconds that the endpoint asked to be left alone
    retry_after: float | None = None

    @property
    def ok(self) -> bool:
        """Only 2xx says that the event arrived; a redirect does not."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def gone(self) -> bool:
        """410: the endpoint wants nothing any more."""
        return self.status == 410


class Poster:
    """Requests to one URL, one after another over a kept connection."""

    def __init__(self, url: str, timeout: float) -> None:
        """`timeout` in seconds, for each request as a whole."""
        self._url = urlsplit(url)
        self._timeout = timeout
        self._connection: http.client.HTTPConnection | None = None

    def post(self, body: bytes, headers: dict[str, str]) -> Answer:
        """One attempt. Whatever goes wrong is in the answer."""
        at, started = now(), time.monotonic()
        try:
            status, text, asked = self._exchange(body, headers, started + self._timeout)
            return Answer(at, _since(started), status, text, None, asked)
        except Forbidden as error:
            self.close()
            return Answer(at, _since(started), error=f"refused: {error}")
        except Exception as error:  # a stranger's server may break any rule: it is a failed attempt
            self.close()
            late = time.monotonic() - started >= self._timeout or isinstance(error, TimeoutError)
            words = f"no answer within {self._timeout:g} s" if late else _words(error)
            return Answer(at, _since(started), error=words)

    def close(self) -> None:
        """Ends the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _exchange(
        self, body: bytes, headers: dict[str, str], deadline: float
    ) -> tuple[int, str, float | None]:
        connection, reused = self._connection, self._connection is not None
        if connection is None:
            connection = self._connection = self._connect(deadline)
        try:
            return self._ask(connection, body, headers, deadline)
        except (http.client.RemoteDisconnected, ConnectionError, BrokenPipeError):
            if not reused:
                raise
            # a kept connection that the server had closed: nothing was said on it, so it is no attempt
            self.close()
            connection = self._connection = self._connect(deadline)
            return self._ask(connection, body, headers, deadline)

    def _connect(self, deadline: float) -> http.client.HTTPConnection:
        host, tls = self._url.hostname or "", self._url.scheme == "https"
        port = self._url.port or (443 if tls else 80)
        raw = connect(host, port, tls=tls, timeout=_left(deadline))
        made = http.client.HTTPConnection(host, port)
        made.auto_open = 0  # never to anywhere but here
        made.sock = raw
        if tls:
            with _Deadline(raw, deadline):
                made.sock = _context().wrap_socket(raw, server_hostname=host)
        return made

    def _ask(
        self, connection: http.client.HTTPConnection, body: bytes, headers: dict[str, str], deadline: float
    ) -> tuple[int, str, float | None]:
        sock: socket.socket = connection.sock
        sock.settimeout(_left(deadline))
        target = (self._url.path or "/") + (f"?{self._url.query}" if self._url.query else "")
        with _Deadline(sock, deadline):
            connection.request("POST", target, body, {"Host": self._url.netloc, **headers})
            response = connection.getresponse()
            text = response.read(_KEPT)
        asked = retry_after(response.getheader("Retry-After"), now())
        if not response.isclosed() or response.will_close:
            self.close()  # there is more, which nobody reads
        return response.status, _printable(text), asked


class _Deadline:
    """Shuts a socket down at a moment, whatever it is in the middle of."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._timer = threading.Timer(_left(deadline), _shut, (sock,))
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()


def _shut(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it has just ended by itself
        # the plain socket's: TLS would want to say goodbye first
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


@cache
def _context() -> ssl.SSLContext:
    return ssl.create_default_context()


def _left(deadline: float) -> float:
    return max(0.01, deadline - time.monotonic())


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1_000)


def _words(error: Exception) -> str:
    if isinstance(error, Unreachable):
        return f"could not connect: {error}"
    return f"{type(error).__name__}: {error}"[:300]


def _printable(text: bytes) -> str:
    return "".join(
        char if char.isprintable() or char in "\n\t" else "�" for char in text.decode("utf-8", "replace")
    )
