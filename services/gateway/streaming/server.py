"""HTTP for streams: a request is judged by the gateway's own application, and a stream is kept here.

The application authenticates, limits and looks up as it does everywhere; where it would stream, it names the
topic instead (routes/live.py), and this process writes the events. Whatever else it answers is passed on as
it is.
"""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from http.client import responses
from typing import Any

from services.gateway.log_tail import Tail
from services.gateway.routes.live import TAKES_OVER
from services.gateway.streaming.hub import Hub
from services.gateway.streaming.tails import Tails
from services.gateway.streams import Topic
from shared.observability import get_logger

log = get_logger("streams")

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

#: Most of a request's head (bytes), and how long a client may take for it, and to read what it is sent
#: (seconds).
_HEAD, _ASKING, _READING = 32 * 1024, 10.0, 20.0
#: Between signs of life (seconds): shorter than any proxy's patience.
_BEAT = 15.0
#: What EventSource waits before it connects anew (milliseconds).
_RETRY = 1_000
_THREADS = 8


class Answer:
    """What the application said: status, headers, body, and the topic if it is a stream."""

    def __init__(self, application: Application, environ: dict[str, Any]) -> None:
        """Asks it; blocks."""
        self.source: Topic | Tail | None = None
        environ[TAKES_OVER] = self._take_over
        body = application(environ, self._start)
        try:
            self.body = b"".join(body)
        finally:
            if hasattr(body, "close"):
                body.close()

    def head(self, *extra: tuple[str, str]) -> bytes:
        """Status line and headers."""
        named = {name.lower() for name, _ in extra}
        lines = [f"HTTP/1.1 {self.status}"]
        kept = [item for item in self.headers if item[0].lower() not in named]
        lines += [f"{name}: {value}" for name, value in (*kept, *extra)]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def _take_over(self, source: Topic | Tail) -> None:
        self.source = source

    def _start(self, status: str, headers: list[tuple[str, str]], _: Any = None) -> Callable[[bytes], None]:
        self.status, self.headers = status, headers
        return lambda _: None


class Server:
    """Listens and serves."""

    def __init__(self, application: Application) -> None:
        """`application` is the gateway's."""
        self._application = application
        self._askers = ThreadPoolExecutor(_THREADS, "ask")
        lookers = ThreadPoolExecutor(_THREADS, "look")
        self._hub, self._tails = Hub(lookers), Tails(lookers)
        self._connections: set[asyncio.Task[None]] = set()

    async def serve(self, host: str, port: int, stop: asyncio.Event) -> None:
        """Serves until `stop`; streams that are open are cut then, and their clients connect anew."""
        server = await asyncio.start_server(self._accept, host, port, limit=_HEAD, backlog=1024)
        log.info("streams.started", port=port)
        async with server:
            await stop.wait()
            for connection in self._connections:
                connection.cancel()
        log.info("streams.stopped")

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._connection(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_ASKING):
                head = await reader.readuntil(b"\r\n\r\n")
            environ = _environ(head, writer)
            if environ is None:
                await _refuse(writer, 400)
                return
            loop = asyncio.get_running_loop()
            answer = await loop.run_in_executor(self._askers, Answer, self._application, environ)
            if answer.source is None:
                writer.write(answer.head(("Connection", "close")) + answer.body)
                await writer.drain()
            else:
                await self._stream(reader, writer, answer, environ.get("HTTP_LAST_EVENT_ID", ""))
        except asyncio.LimitOverrunError:
            await _refuse(writer, 431)
        except (TimeoutError, asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has gone, or never said what it wanted
        finally:
            writer.close()

    async def _stream(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Answer, seen: str
    ) -> None:
        assert answer.source is not None
        source = answer.source
        watch = self._tails.join(source) if isinstance(source, Tail) else self._hub.join(source, seen)
        gone = asyncio.create_task(reader.read())
        try:
            async with asyncio.timeout(_ASKING):
                await watch.changed.wait()
            if watch.knows_the_end:  # this keeps it from asking again
                await _refuse(writer, 204)
                return
            extra = (("Content-Length", ""), ("X-Accel-Buffering", "no"), ("Connection", "close"))
            head = answer.head(*extra).replace(b"Content-Length: \r\n", b"")
            writer.write(head + f"retry: {_RETRY}\n\n".encode())
            while not gone.done():
                news, last = watch.news()
                writer.write(news or watch.beat())
                async with asyncio.timeout(_READING):
                    await writer.drain()
                if last:
                    return
                waits = asyncio.create_task(watch.changed.wait())
                await asyncio.wait({waits, gone}, timeout=_BEAT, return_when=asyncio.FIRST_COMPLETED)
                waits.cancel()
        finally:
            gone.cancel()
            watch.leave()


async def _refuse(writer: asyncio.StreamWriter, status: int) -> None:
    writer.write(
        f"HTTP/1.1 {status} {responses[status]}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
    )
    await writer.drain()


def _environ(head: bytes, writer: asyncio.StreamWriter) -> dict[str, Any] | None:
    """The request as WSGI has it (PEP 3333); None if it is no request."""
    request, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    parts = request.split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1.") or any(":" not in line for line in lines):
        return None
    path, _, query = parts[1].partition("?")
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        key = "HTTP_" + name.strip().upper().replace("-", "_")
        headers[key] = f"{headers[key]},{value.strip()}" if key in headers else value.strip()
    return {
        "REQUEST_METHOD": parts[0],
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "streams",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": parts[2],
        "REMOTE_ADDR": writer.get_extra_info("peername")[0],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        **headers,
    }
