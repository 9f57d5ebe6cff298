"""Where log lines come from: a file that is rotated, systemd's journal, or standard input.

Each gives batches of whole lines, and after each batch a position to go on from. An empty batch says that
nothing new is there yet.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Protocol

from shared.observability import get_logger

log = get_logger("postfix-agent")

_BATCH = 500
#: How long a pipe is waited for before its reader hears that nothing is there (seconds); octets at a time.
_PATIENCE, _READ = 0.5, 64 * 1024


class Source(Protocol):
    """Lines and where they end: a position that is not empty is one to go on from."""

    def batches(self) -> Iterator[tuple[list[str], str]]:
        """(lines, position behind them), for ever; standard input's end ends it."""

    def close(self) -> None:
        """Lets go of what it reads."""


class LogFile:
    """A file that is renamed, or cut, when it is full; the position is device, inode and offset."""

    def __init__(self, path: Path, position: str | None) -> None:
        """Goes on at `position`, whatever its file is called now; without one at the beginning."""
        self._path = path
        self._file: IO[bytes] | None = None
        self._key = ""
        if position:
            self._resume(position)

    def batches(self) -> Iterator[tuple[list[str], str]]:
        """As in `Source`."""
        ended = False
        while True:
            if self._file is None and not self._open(self._path, 0):
                yield [], ""
                continue
            lines = self._read(whole=ended)
            if lines:
                ended = False
                yield lines, self._position()
            elif not self._replaced():
                self._rewind_if_cut()
                yield [], self._position()
            elif ended:
                self._next()
                ended = False
            else:  # renamed a moment ago: its writer may not have noticed yet
                ended = True
                yield [], self._position()

    def close(self) -> None:
        """Lets go of the file."""
        if self._file is not None:
            self._file.close()

    def _read(self, *, whole: bool) -> list[str]:
        """The next complete lines; `whole`: also a last one without its end, which will not come any more."""
        assert self._file is not None
        lines: list[str] = []
        while len(lines) < _BATCH:
            start = self._file.tell()
            raw = self._file.readline()
            if not raw.endswith(b"\n") and not (raw and whole):
                self._file.seek(start)
                break
            lines.append(raw.decode("utf-8", "replace").rstrip("\n"))
        return lines

    def _open(self, path: Path, offset: int) -> bool:
        try:
            opened = path.open("rb")
        except FileNotFoundError:
            return False
        if self._file is not None:
            self._file.close()
        self._file = opened
        self._file.seek(offset)
        self._key = _key(os.fstat(opened.fileno()))
        return True

    def _position(self) -> str:
        assert self._file is not None
        return f"{self._key}:{self._file.tell()}"

    def _replaced(self) -> bool:
        """Whether the path is another file by now."""
        try:
            return _key(self._path.stat()) != self._key
        except FileNotFoundError:
            return False

    def _rewind_if_cut(self) -> None:
        assert self._file is not None
        if os.fstat(self._file.fileno()).st_size < self._file.tell():
            log.warning("postfix_agent.log_cut", path=str(self._path))
            self._file.seek(0)

    def _next(self) -> None:
        """The file that was begun after this one: a rotated one if there were several rotations."""
        assert self._file is not None
        mine = os.fstat(self._file.fileno())
        later = [path for path in self._siblings() if path.stat().st_mtime_ns > mine.st_mtime_ns]
        for path in [*later, self._path]:
            if _key(path.stat()) != self._key and self._open(path, 0):
                return

    def _resume(self, position: str) -> None:
        key, _, offset = position.rpartition(":")
        for path in [self._path, *self._siblings()]:
            if path.exists() and _key(path.stat()) == key:
                size = path.stat().st_size
                self._open(path, int(offset) if int(offset) <= size else 0)
                return
        log.warning("postfix_agent.position_lost", path=str(self._path))

    def _siblings(self) -> list[Path]:
        """Rotated files, oldest first: what has this file's name and more. Compressed ones can't be read."""
        found = [
            path
            for path in self._path.parent.glob(f"{self._path.name}?*")
            if path.suffix not in (".gz", ".bz2", ".xz", ".zst")
        ]
        return sorted(found, key=lambda path: path.stat().st_mtime_ns)


class Journal:
    """systemd's journal of Postfix's units; the position is a cursor of it."""

    def __init__(self, position: str | None) -> None:
        """Goes on behind the entry that `position` names; without one with what comes from now on."""
        self._begins = position or _newest_entry()
        after = [f"--after-cursor={self._begins}"] if self._begins else []
        command = ["journalctl", "--follow", "--lines=all", "--output=json", *after, "SYSLOG_FACILITY=2"]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE)

    def batches(self) -> Iterator[tuple[list[str], str]]:
        """As in `Source`."""
        assert self._process.stdout is not None
        yield [], self._begins  # so that an end before the first entry loses none
        for lines in _arriving(self._process.stdout.fileno()):
            entries = [json.loads(line) for line in lines]
            yield [_journal_line(entry) for entry in entries], entries[-1]["__CURSOR"] if entries else ""

    def close(self) -> None:
        """Ends journalctl."""
        self._process.terminate()
        self._process.wait()


class StandardInput:
    """Lines that somebody else brings; there is no position to go on from."""

    def close(self) -> None:
        """It is not ours to close."""

    def batches(self) -> Iterator[tuple[list[str], str]]:
        """As in `Source`."""
        for lines in _arriving(sys.stdin.fileno()):
            yield lines, ""


def source_of(name: str, position: str | None) -> Source:
    """The source that a setting names: `journal`, `-`, or a path."""
    if name == "journal":
        return Journal(position)
    return StandardInput() if name == "-" else LogFile(Path(name), position)


def _key(stat: os.stat_result) -> str:
    return f"{stat.st_dev}-{stat.st_ino}"


def _newest_entry() -> str:
    """The cursor of the journal's last entry; empty if there is none."""
    command = ["journalctl", "--lines=1", "--output=json"]
    last = subprocess.run(command, check=True, capture_output=True).stdout
    return str(json.loads(last)["__CURSOR"]) if last else ""


def _arriving(pipe: int) -> Iterator[list[str]]:
    """Whole lines, all that are there at a time, none where nothing comes for a while; to the pipe's end."""
    rest = b""
    while True:
        if not select.select([pipe], [], [], _PATIENCE)[0]:
            yield []
            continue
        data = os.read(pipe, _READ)
        *lines, rest = (rest + data).split(b"\n") if data else (rest, b"")
        if any(lines):
            yield [line.decode("utf-8", "replace") for line in lines]
        if not data:
            return


def _journal_line(entry: dict[str, str]) -> str:
    """An entry as a line of syslog."""
    seconds, rest = divmod(int(entry["__REALTIME_TIMESTAMP"]), 1_000_000)
    stamp = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:06d}+00:00"
    tag, pid = entry.get("SYSLOG_IDENTIFIER", ""), entry.get("SYSLOG_PID") or entry.get("_PID", "0")
    return f"{stamp} {entry.get('_HOSTNAME', '-')} {tag}[{pid}]: {entry.get('MESSAGE', '')}"
