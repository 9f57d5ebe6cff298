"""Hits on local disk, from the moment that they are answered until RabbitMQ has confirmed them.

A request leaves its hit in memory. A thread of its own writes what has gathered to a file ten times a second,
so that answers don't take turns at the disk, and a killed process loses only what it has answered within the
last moment (`FLUSH_SECONDS`, and the write). Files are synced once a second, against a loss of power.

Each process writes segments of its own under a lock that its end releases, by whichever way: those who live
adopt what a dead process left. Once the limit is reached hits are dropped, and counted: a full disk must not
stop redirects.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from shared.ids import new_id

#: How often hits in memory are written to the file.
FLUSH_SECONDS = 0.1

_SUFFIX = ".hits"
#: A segment is closed when it is this long (octets), for as long as nobody takes it away.
_SEGMENT = 4 * 1024 * 1024
#: Hits in memory, where the disk has come to a halt.
_MOST_HELD = 200_000


@dataclass(frozen=True)
class Segment:
    """A file of hits that nobody writes to any more, and that is ours: its lock is held by `fd`."""

    path: Path
    fd: int

    def lines(self) -> list[str]:
        """Its hits."""
        size = os.fstat(self.fd).st_size
        text = os.pread(self.fd, size, 0).decode("utf-8", "replace")
        return [line for line in text.splitlines() if line]

    def remove(self) -> None:
        """Done with it."""
        with contextlib.suppress(FileNotFoundError):
            self.path.unlink()
        os.close(self.fd)


class Spool:
    """The hits of one process: any thread leaves them, one writes them down, one takes them away."""

    def __init__(self, directory: Path, limit: int) -> None:
        """`limit` is what all processes' files in `directory` may hold together (octets)."""
        self._directory, self._limit = directory, limit
        self._held: deque[str] = deque()
        self._lock = threading.Lock()
        self._numbers = count()
        self._name = new_id().hex
        self._fd: int | None = None
        self._path: Path | None = None
        self._written = self._synced = 0
        self._closed: list[Segment] = []
        #: the last write stopped in the middle of a line
        self._torn = False
        self.full = False
        self.dropped = 0

    def append(self, line: str) -> bool:
        """Keeps a hit, which is on disk after the next `flush`; False if there is no room for it."""
        if self.full or len(self._held) >= _MOST_HELD:
            self.dropped += 1
            return False
        self._held.append(line)  # atomic: no thread waits for another here
        return True

    def flush(self) -> bool:
        """Writes what has gathered in memory; False if that failed, and must be tried again."""
        with self._lock:
            lines = [self._held.popleft() for _ in range(len(self._held))]
            if not lines:
                return True
            text = "".join(f"{line}\n" for line in lines)
            data = memoryview((f"\n{text}" if self._torn else text).encode())
            try:
                if self._fd is None:
                    self._begin()
                assert self._fd is not None
                while data:
                    written = os.write(self._fd, data)
                    self._written += written
                    data = data[written:]
                self._torn = False
                if self._written > _SEGMENT:
                    self._end()
            except OSError:  # what of it was written is told twice, which is harmless
                self._held.extendleft(reversed(lines))
                self._torn = self._fd is not None
                return False
        return True

    def take(self) -> list[Segment]:
        """Every segment of this process, the oldest first; what comes from now on goes into a new one."""
        self.flush()
        with self._lock:
            self._end()
            taken, self._closed = self._closed, []
        return taken

    def give_back(self, segments: list[Segment]) -> None:
        """Keeps segments, which could not be brought away, for later."""
        with self._lock:
            self._closed = segments + self._closed

    def sync(self) -> None:
        """Makes what was written safe from a loss of power."""
        with self._lock:
            fd, written = self._fd, self._written
        if fd is not None and written != self._synced:
            with contextlib.suppress(OSError):  # closed meanwhile: what is brought away needs no sync
                os.fdatasync(fd)
            self._synced = written

    def measure(self) -> int:
        """How much all processes have on disk (octets); hits are dropped while that is the limit or more."""
        size = 0
        for path in self._directory.glob(f"*{_SUFFIX}"):
            with contextlib.suppress(FileNotFoundError):
                size += path.stat().st_size
        self.full = size >= self._limit
        return size

    def adopted(self) -> Iterator[Segment]:
        """Segments that dead processes left, ours from now on."""
        for path in sorted(self._directory.glob(f"*{_SUFFIX}")):
            try:
                fd = os.open(path, os.O_RDONLY)
            except OSError:
                continue
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:  # its writer lives
                os.close(fd)
                continue
            yield Segment(path, fd)

    def _begin(self) -> None:
        # locked under a name that nobody adopts, so that there is no moment in which somebody could
        self._directory.mkdir(parents=True, exist_ok=True)
        path = self._directory / f"{self._name}-{next(self._numbers):08}{_SUFFIX}"
        fresh = path.with_suffix(".new")
        fd = os.open(fresh, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fresh.rename(path)
        except OSError:
            os.close(fd)
            raise
        self._fd, self._path, self._written, self._synced = fd, path, 0, 0

    def _end(self) -> None:
        if self._fd is None or self._path is None or not self._written:
            return
        self._closed.append(Segment(self._path, self._fd))
        self._fd = None
