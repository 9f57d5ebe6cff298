"""What travels on an open connection to a relay: commands out, replies in, with a bound on both.

Refuses to guess: whatever is no SMTP reply, or more of one than a reply can be, is a `ProtocolError`, because
a client that has lost count of the replies would take one message's for another's.
"""

from __future__ import annotations

import contextlib
import re
import select
import socket
import ssl
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache

from services.sender.outcomes import Reply

_LINE = re.compile(rb"([2-5]\d\d)(?:([ -])(.*))?", re.DOTALL)
#: RFC 5321 §4.5.3.1.5 allows 512 octets a line; some relays say more.
_LONGEST_LINE = 4_096
_MOST_LINES = 100
_QUIT_SECONDS = 1.0
#: Time left when there is none: zero would mean not to wait at all, and another exception.
_SHORTEST_SECONDS = 0.001


class ProtocolError(Exception):
    """The relay does not speak SMTP, or has lost count."""


def _split(line: bytes) -> tuple[int, bool, bytes]:
    """A line's code, whether more lines follow, and its text; raises ProtocolError."""
    matched = _LINE.fullmatch(line)
    if matched is None:
        raise ProtocolError(f"not an SMTP reply: {Reply.from_wire(0, line[:80]).text!r}")
    code, separator, text = matched.groups()
    return int(code), separator == b"-", text or b""


@lru_cache(maxsize=256)
def _whole(line: bytes) -> Reply | None:
    """The reply that a line is, as most are and the same few to every message; None: more lines follow.

    Raises:
        ProtocolError: it is no line of a reply.
    """
    code, more, text = _split(line)
    return None if more else Reply.from_wire(code, text)


class Wire:
    """An open socket to a relay, its handshake done. Not for two threads at once."""

    def __init__(self, sock: socket.socket) -> None:
        """Takes the socket over, with the timeout it has."""
        self._sock = sock
        self._heard, self._read = b"", 0  # what has come, and how much of it was read
        self._deadline: float | None = None
        self.open = True

    def send(self, data: bytes) -> None:
        """Sends all of `data`; raises OSError."""
        self._sock.sendall(data)

    def send_some(self, data: bytes | memoryview) -> int:
        """Sends as much of `data` as goes at once, and says how much; raises OSError if that was nothing."""
        self._hurry()
        return self._sock.send(data)

    def send_all(self, blocks: Iterable[bytes]) -> None:
        """Sends every block, all of them within the time that one `send` has; raises OSError.

        However slowly a relay reads, a message must not take longer than the lease on it.
        """
        with self.within(self.timeout):
            for block in blocks:
                self._hurry()
                self._sock.sendall(block)

    @property
    def timeout(self) -> float:
        """How long one step may take (seconds)."""
        seconds = self._sock.gettimeout()
        assert seconds is not None, "the handshake sets a timeout"
        return seconds

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """What is sent and heard in here takes so long together at most, not each step of it (seconds)."""
        usual, self._deadline = self.timeout, time.monotonic() + seconds
        try:
            yield
        finally:
            self._deadline = None
            self._sock.settimeout(usual)

    def reply(self) -> Reply:
        """The next reply, all of its lines.

        Raises:
            ProtocolError: what came is no reply.
            OSError: the connection broke, or nothing came in time.
        """
        line = self._line()
        whole = _whole(line)
        if whole is not None:
            return whole
        texts = [_split(line)[2]]
        while len(texts) < _MOST_LINES:
            code, more, text = _split(self._line())
            texts.append(text)
            if not more:
                return Reply.from_wire(code, b" ".join(texts))
        raise ProtocolError(f"a reply of more than {_MOST_LINES} lines")

    def in_step(self) -> bool:
        """Whether nothing is unread and the relay has not closed: what comes next answers our next line."""
        if not self.open or self._read < len(self._heard):
            return False
        if isinstance(self._sock, ssl.SSLSocket) and self._sock.pending():
            return False
        poll = select.poll()
        poll.register(self._sock, select.POLLIN)
        return not poll.poll(0)

    def quit(self) -> None:
        """Takes leave politely, without waiting long for the answer."""
        if not self.open:
            return
        with contextlib.suppress(OSError, ProtocolError):
            self._sock.settimeout(_QUIT_SECONDS)
            self.send(b"QUIT\r\n")
            self.reply()
        self.drop()

    def drop(self) -> None:
        """Closes at once: in the middle of a message, QUIT would be read as part of it."""
        self.open = False
        self._sock.close()

    def _hurry(self) -> None:
        """Leaves the next step no more time than there is."""
        if self._deadline is not None:
            self._sock.settimeout(max(self._deadline - time.monotonic(), _SHORTEST_SECONDS))

    def _line(self) -> bytes:
        while (end := self._heard.find(b"\n", self._read)) < 0:
            if len(self._heard) - self._read > _LONGEST_LINE:
                raise ProtocolError(f"a reply line of more than {_LONGEST_LINE} octets")
            self._hurry()
            received = self._sock.recv(65_536)
            if not received:
                raise ConnectionResetError("the relay closed the connection")
            self._heard, self._read = self._heard[self._read :] + received, 0
        line = self._heard[self._read : end]
        self._read = end + 1
        return line.rstrip(b"\r")
