"""The connection of a session: lines in, replies out, TLS, and the times after which it ends.

aiosmtpd keeps connection and stream; what it reads and says is ours. A line ends in CR LF alone.
"""

from __future__ import annotations

import asyncio
from typing import Any

from aiosmtpd.smtp import SMTP

from services.gateway.buckets import plain_address
from services.gateway.submission.doors import Doors
from services.gateway.submission.transcript import Transcript

#: Longest line, end included: AUTH may bring a whole credential (RFC 4954 §4).
LONGEST_LINE = 12_288
_MOST_FAULTS = 10
_HANDSHAKE_SECONDS = 15.0


class HangUp(Exception):
    """The session is over; what had to be said was said."""


class Wire(SMTP):
    """A connection that knows when it ends and what was said on it."""

    transport: Any
    _reader: Any
    _writer: Any

    #: of the reader: how much is taken at a time
    line_length_limit = 64 * 1024

    def __init__(self, doors: Doors) -> None:
        config = doors.config
        super().__init__(
            None,
            hostname=config.hostname,
            data_size_limit=config.smtp_max_message_bytes,
            enable_SMTPUTF8=True,
            timeout=config.smtp_idle_seconds,
            loop=asyncio.get_running_loop(),
        )
        self.doors = doors
        self.transcript = Transcript()
        self.secure = False
        self._faults = 0
        self._ends: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begins; whoever is one too many is told so."""
        super().connection_made(transport)
        self.address = plain_address(str((transport.get_extra_info("peername") or ("::",))[0]))
        self.end_after(self.doors.config.smtp_login_seconds)

    def connection_lost(self, error: Exception | None) -> None:
        """The end, however it came."""
        if self._ends:
            self._ends.cancel()
        super().connection_lost(error)
        # TLS has a buffer of 256 kB a connection: it must not wait for the garbage collector to find a cycle
        for table in (self._smtp_methods, self._auth_methods, self._handle_hooks):
            table.clear()

    def eof_received(self) -> bool:
        """The client says no more; what it said before is still answered."""
        if self._reader is not None:  # the session has not let go of it yet
            self._reader.feed_eof()
        return not self.secure

    def dismiss(self, words: str) -> None:
        """Ends the session from outside: says why, and closes."""
        if self.transport is None:
            return
        self.transcript.reply(words)
        self.transport.write(f"{words}\r\n".encode())
        self.transport.close()
        # whoever does not read keeps a transport open that still has something to say
        self.loop.call_later(5.0, self.transport.abort)

    def _timeout_cb(self) -> None:
        self.dismiss("421 4.4.2 Nothing was said for too long")

    def end_after(self, seconds: float) -> None:
        if self._ends:
            self._ends.cancel()
        self._ends = self.loop.call_later(
            seconds, self.dismiss, "421 4.4.2 This has taken too long: connect again"
        )

    async def line(self) -> bytes:
        """The next line without its end; hangs up on one that a line can't be."""
        try:
            line: bytes = await self._reader.readuntil(b"\n")
        except asyncio.LimitOverrunError:
            line = b""
        self._reset_timeout()
        if not 0 < len(line) <= LONGEST_LINE:
            await self.hang_up("500 5.5.2 The line is too long")
        if not line.endswith(b"\r\n") or b"\r" in line[:-2] or b"\0" in line:
            await self.hang_up("500 5.5.2 Lines end in CR LF, and neither stands alone")
        return line[:-2]

    async def say(self, *lines: str) -> None:
        """One reply, of one line or several."""
        self.transcript.reply(lines[-1])
        self._writer.write("".join(f"{line}\r\n" for line in lines).encode())
        await self._writer.drain()

    async def fault(self, line: str) -> None:
        """A refusal of what should not have been said; hangs up on the last of too many."""
        self._faults += 1
        if self._faults >= _MOST_FAULTS:
            await self.hang_up("421 4.7.0 Too many errors")
        await self.say(line)

    async def hang_up(self, line: str) -> None:
        """The last word.

        Raises:
            HangUp: always.
        """
        await self.say(line)
        raise HangUp

    def unread(self) -> bool:
        """Whether the client has said more than it was asked."""
        return bool(self._reader._buffer)

    async def encrypt(self, word: bytes) -> None:
        """Says `word` and starts TLS: not a step of the loop between them, so that nothing gets in."""
        self.transport.write(word)
        encrypted = await self.loop.start_tls(
            self.transport,
            self,
            self.doors.certificates.context,
            server_side=True,
            ssl_handshake_timeout=_HANDSHAKE_SECONDS,
        )
        self.transport = self._reader._transport = self._writer._transport = encrypted
        self._over_ssl = self.secure = True
