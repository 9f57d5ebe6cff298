"""`python -m tests.bench.sink PORT`: a relay that takes everything at once, as fast as it can be taken.

It offers CHUNKING, as Postfix, Exim and Exchange do; smtp-sink does not, and looks at each octet of a message
in turn, which takes longer than it takes us to render one.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import IO

import click

from deploy.local.ports import HOST

_OFFERS = b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-SIZE\r\n250 CHUNKING\r\n"
_OK = b"250 2.0.0 Ok\r\n"
_END = b"\r\n.\r\n"
_MESSAGE_ID = re.compile(rb"^Message-ID: (<\S+>)", re.MULTILINE | re.IGNORECASE)


class _Session(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, taken: IO[bytes] | None) -> None:
        self._taken = taken
        self._heard = b""
        self._in_data = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(b"220 sink ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        self._heard += data
        said: list[bytes] = []
        read = 0
        while (after := self._step(read, said)) > read:
            read = after
        self._heard = self._heard[read:]
        self._transport.write(b"".join(said))

    def _step(self, at: int, said: list[bytes]) -> int:
        """Answers what begins at `at`; where the next begins, or the same if this is not yet all there."""
        if self._in_data:
            end = self._heard.find(_END, at)
            if end < 0:
                return at
            self._in_data = False
            return self._take(at, end + len(_END), said)
        end = self._heard.find(b"\n", at) + 1
        command = self._heard[at:end].split(maxsplit=2)
        if not command:
            return at
        verb = command[0].upper()
        if verb == b"BDAT":
            whole = end + int(command[1])
            return self._take(end, whole, said) if whole <= len(self._heard) else at
        said.append({b"EHLO": _OFFERS, b"DATA": b"354 Go ahead\r\n", b"QUIT": b"221 Bye\r\n"}.get(verb, _OK))
        self._in_data = verb == b"DATA"
        return end

    def _take(self, begin: int, end: int, said: list[bytes]) -> int:
        if self._taken is not None:
            found = _MESSAGE_ID.search(self._heard, begin, end)
            self._taken.write((found[1] if found else b"none") + b"\n")
        said.append(_OK)
        return end


@click.command()
@click.argument("port", type=int)
@click.option("--taken", type=click.Path(dir_okay=False, path_type=Path), help="Where to write Message-IDs.")
def main(port: int, taken: Path | None) -> None:
    """Listens on PORT of loopback until it is ended."""
    asyncio.run(_serve(port, taken.open("ab", buffering=0) if taken else None))


async def _serve(port: int, taken: IO[bytes] | None) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: _Session(taken), HOST, port, backlog=200)
    await server.serve_forever()


if __name__ == "__main__":
    main()
