"""Sessions of clients that are broken, hostile or both: all are answered, none leaves anything behind.

`make fuzz` has thousands of them (FUZZ_SESSIONS). A failure names its seed.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import random
import re
from pathlib import Path

import requests

from deploy.local.cluster import Cluster
from deploy.local.ports import HOST, free_port
from tests.fixtures.submission import Door, trusting
from tests.fixtures.waiting import wait_for
from tests.integration.gateway.submission.test_limits import own_door, send

SESSIONS = int(os.environ.get("FUZZ_SESSIONS", "250"))
_AT_ONCE = 40
_REPLY = re.compile(rb"[2-5][0-9]{2}[ -][ -~]{0,506}\r\n")
#: Longest wait for an answer (seconds) before the next thing is said: to a line, and to what may be none.
_PATIENCE, _HASTE = 1.0, 0.05

_ODD = (
    b"\r",
    b"\n",
    b"\0",
    b"\xff",
    b"\xe2\x82",
    b" ",
    b"\t",
    b"<",
    b">",
    b'"',
    b"\\",
    b"@",
    b":",
    b"=",
    b"\r\n.\r\n",
)


class Client:
    """One session of one seed."""

    def __init__(self, door: Door, seed: int) -> None:
        self._door = door
        self._random = random.Random(seed)
        self.said = b""
        self._heard = asyncio.Event()
        self._whole: set[bytes] = set()

    async def run(self) -> None:
        """From connecting to the end, whoever makes it."""
        tls = self._random.random() < 0.7
        port = self._door.tls_port if tls else self._door.port
        try:
            reader, writer = await asyncio.open_connection(HOST, port, ssl=trusting() if tls else None)
        except OSError:
            return
        hearing = asyncio.create_task(self._hear(reader))
        await self._answered(_PATIENCE)
        try:
            for piece in self._pieces(tls=tls):
                writer.write(piece)
                await writer.drain()
                if self._random.random() < 0.8:
                    await self._answered(_PATIENCE if piece in self._whole else _HASTE)
                if hearing.done():
                    break
            if self._random.random() < 0.3:
                writer.transport.abort()  # type: ignore[attr-defined]
            elif not tls and self._random.random() < 0.5:
                writer.write_eof()
        except OSError:
            pass
        finally:
            await self._answered(_HASTE)
            hearing.cancel()
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _answered(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._heard.wait(), seconds)
        self._heard.clear()

    async def _hear(self, reader: asyncio.StreamReader) -> None:
        try:
            while piece := await reader.read(65_536):
                self.said += piece
                self._heard.set()
        except OSError:
            pass
        self._heard.set()

    def _pieces(self, *, tls: bool) -> list[bytes]:
        lines = [b"EHLO fuzz.test\r\n"]
        if tls and self._random.random() < 0.8:
            token = base64.b64encode(f"\0{self._door.username}\0{self._door.password}".encode())
            lines.append(b"AUTH PLAIN " + token + b"\r\n")
        commands = self._commands()
        good = self._random.random() < 0.5  # begins as a message should
        lines += commands[:4] if good else []
        lines += [self._random.choice(commands) for _ in range(self._random.randrange(0 if good else 1, 12))]
        self._whole = {line for line in lines if line.endswith(b"\r\n")}
        # the first stay as they are more often than not: else few would get any further
        whole = self._random.choice((0, 2, 2, 6, 6))
        return [
            line if index < whole or self._random.random() < 0.5 else self._mutated(line)
            for index, line in enumerate(lines)
        ]

    def _commands(self) -> list[bytes]:
        sender, spread = self._door.sender.encode(), self._random.choice((1000, 3000, 70_000))
        start = b"MAIL FROM:<" + sender + b">\r\n"
        to = b"RCPT TO:<delivered@simulator.mailmatic.test>\r\n"
        message = b"From: " + sender + b"\r\nSubject: fuzz\r\n\r\nHi\r\n.hi\r\n.\r\n"
        return [
            start, to, b"DATA\r\n", message, start + to + b"DATA\r\n", start + to, b"RSET\r\n", b"NOOP\r\n",
            b"QUIT\r\n", b"STARTTLS\r\n", b"AUTH LOGIN\r\n", b"VXNlcg==\r\n", b"VRFY x\r\n", b"HELP\r\n",
            b"EHLO again\r\n", b"BDAT 10 LAST\r\n", b"MAIL FROM:<> SIZE=99 BODY=8BITMIME SMTPUTF8\r\n",
            "RCPT TO:<ü@simulator.mailmatic.test>\r\n".encode(), b"\x16\x03\x01\x02\x00\x01\x00",
            b"GET / HTTP/1.1\r\n\r\n", self._random.randbytes(self._random.randrange(300)), b"x" * spread,
        ]  # fmt: skip

    def _mutated(self, line: bytes) -> bytes:
        pick = self._random
        for _ in range(pick.randrange(1, 4)):
            at = pick.randrange(len(line) + 1)
            line = pick.choice(
                (
                    line[:at] + pick.choice(_ODD) + line[at:],
                    line[:at] + line[at + 1 :],
                    line[:at],
                    line[:at] + line[:at] + line[at:],
                    line.swapcase(),
                    line.replace(b"\r\n", pick.choice((b"\n", b"\r", b"\n\r", b"\r\r\n"))),
                )
            )
        return line


async def attack(door: Door, seeds: list[int]) -> list[Client]:
    """A session of each seed, some at a time."""
    room = asyncio.Semaphore(_AT_ONCE)

    async def one(client: Client) -> Client:
        async with room:
            await client.run()
        return client

    return list(await asyncio.gather(*(one(Client(door, seed)) for seed in seeds)))


def held(pid: int) -> tuple[int, int]:
    """Open files and threads of a process."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir())), len(list(Path(f"/proc/{pid}/task").iterdir()))


def memory(pid: int) -> int:
    """What it holds in memory (MB)."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+)", status)
    assert found
    return int(found[1]) // 1024


def test_malformed_sessions_are_all_answered_and_leave_nothing_behind(running: Cluster, door: Door) -> None:
    port, start = free_port(), random.randrange(2**32)
    with own_door(running, door, MAILMATIC_METRICS_PORT=str(port)) as (found, worker):
        pid = worker.process.pid

        def empty() -> bool:
            page = requests.get(f"http://{HOST}:{port}/metrics", timeout=10).text
            return "mailmatic_submission_connections 0.0" in page and "reading_bytes 0.0" in page

        asyncio.run(attack(found, [start + number for number in range(100)]))  # everything is loaded now
        wait_for(empty, "the first sessions to end")
        before, weight = held(pid), memory(pid)
        clients = asyncio.run(attack(found, [start + 100 + number for number in range(SESSIONS)]))
        wait_for(empty, "all sessions to end")
        with found.wire() as wire:
            assert send(wire, found).startswith("250 ")
        # threads and connections of pools come as they are needed; more than those is what sessions left
        few = [count + SESSIONS // 10 for count in before]
        wait_for(
            lambda: all(now <= most for now, most in zip(held(pid), few, strict=True)),
            f"files and threads to be about {before} again (seed {start})",
        )
        assert memory(pid) - weight < 30, f"seed {start}"
        assert worker.process.poll() is None
        assert not worker.says("submission.failed"), worker.log.read_text()[-3000:]
        assert "Traceback" not in worker.log.read_text()
    for number, client in enumerate(clients):
        rest = _REPLY.sub(b"", client.said)
        assert rest == b"" or b"\x15\x03" in rest, f"seed {start + 100 + number}: {rest[:200]!r}"
    assert sum(b"250 2.0.0 Ok id=" in client.said for client in clients) > SESSIONS // 100
