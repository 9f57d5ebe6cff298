"""The flight recorder: what a chunk of claimed emails has come to, on local disk, until Postgres has it.

Outcomes are recorded in Postgres once a chunk, because a commit a mail would cost more than the mail. A
sender killed in between would leave nobody knowing which of a hundred were handed over. So each claim is
written to a file, then for each email a line before its body is sent and a line with its outcome. The file is
locked while its owner lives, and emptied once Postgres has the chunk. A sender that starts reads what dead
owners left: finished emails are recorded, emails that were in flight become `unknown`, the others are queued
again at once.

A thread has one file for all of its chunks, mapped into memory: to make a file costs more than to render a
message, and a system call a line a tenth of that. What is in the mapping is the kernel's, and so survives a
killed process; after a power cut the lease decides. The file says what stands before its first NUL, and a
line's first octet is written last, so that there never is half a line.
"""

from __future__ import annotations

import fcntl
import json
import mmap
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from services.sender.jobs import Attempt
from services.sender.outcomes import Outcome, Reply
from shared.ids import new_id

_SUFFIX = ".journal"
#: Octets that are set aside at a time: a chunk of campaign emails takes about one of these.
_SPACE = 128 * 1024
_encode = json.JSONEncoder(separators=(",", ":")).encode


class Journal:
    """The file of one thread."""

    def __init__(self, directory: Path) -> None:
        """Makes and locks a new file; raises OSError."""
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / f"{new_id()}{_SUFFIX}"
        draft = path.with_suffix(".new")
        self._fd = os.open(draft, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX)
            os.posix_fallocate(
                self._fd, 0, _SPACE
            )  # a full disk is an error here, and in the mapping a signal
            self._map = mmap.mmap(self._fd, _SPACE)
            draft.rename(path)  # only now can others see it, and it is locked already
        except OSError:
            draft.unlink(missing_ok=True)
            os.close(self._fd)
            raise
        self._end = 0

    def begin(self, claimed: Sequence[tuple[str, int]]) -> None:
        """Starts a chunk with its claim: (email id, attempt) pairs."""
        self.clear()
        self._write(_encode({"claimed": claimed}))

    def started(self, email_id: str) -> None:
        """From here on the relay may have this message."""
        self._write(f'{{"started":"{email_id}"}}')

    def finished(self, attempt: Attempt) -> None:
        """The outcome is known."""
        relay = "null" if attempt.relay is None else _encode(attempt.relay)
        outcomes = ",".join(map(_listed, attempt.outcomes))
        self._write(f'{{"finished":"{attempt.email_id}","relay":{relay},"outcomes":[{outcomes}]}}')

    def clear(self) -> None:
        """Forgets the chunk: Postgres has all that the file says."""
        self._map[0] = 0
        self._end = 0

    def abandon(self) -> None:
        """Lets go of the file but leaves it for whoever reads it next: Postgres could not be told."""
        self._map.close()
        os.close(self._fd)

    def _write(self, line: str) -> None:
        data = f"{line}\n\0".encode()
        begin, after = self._end, self._end + len(data)
        if after > len(self._map):
            self._make_room(after)
        self._map[begin + 1 : after] = data[1:]
        self._map[begin] = data[0]
        self._end = after - 1

    def _make_room(self, needed: int) -> None:
        size = -(-needed // _SPACE) * _SPACE
        os.posix_fallocate(self._fd, 0, size)
        self._map.resize(size)


def _listed(outcome: Outcome) -> str:
    """An outcome as JSON, in a quarter of the time that the encoder takes for it."""
    reply, reason = outcome.reply, outcome.suppression
    said = "null" if reply is None else f"[{reply.code},{_encode(reply.text)}]"
    return f'[{outcome.position},"{outcome.status}",{said},{"null" if reason is None else _encode(reason)}]'


@dataclass
class Remains:
    """What a journal of a dead sender says."""

    claimed: dict[str, int] = field(default_factory=dict)
    started: set[str] = field(default_factory=set)
    finished: dict[str, Attempt] = field(default_factory=dict)

    @property
    def in_flight(self) -> list[tuple[str, int]]:
        """Handed over, perhaps: the reply never came."""
        return [
            (id, self.claimed[id]) for id in self.started if id in self.claimed and id not in self.finished
        ]

    @property
    def untouched(self) -> list[tuple[str, int]]:
        """Claimed and never begun."""
        return [
            (id, attempt)
            for id, attempt in self.claimed.items()
            if id not in self.started and id not in self.finished
        ]


def adopt(directory: Path) -> Iterator[Remains]:
    """What dead senders left, a journal at a time; each is removed when the caller asks for the next."""
    for path in sorted(directory.glob(f"*{_SUFFIX}")):
        try:
            file = path.open("rb")
        except FileNotFoundError:
            continue
        with file:
            if not _lock(file) or not path.exists():
                continue
            remains = _read(file)
            if remains.claimed:  # else its owner came to an end between two chunks
                yield remains
            path.unlink(missing_ok=True)


def _lock(file: IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(file: IO[bytes]) -> Remains:
    remains = Remains()
    for raw in file.read().partition(b"\0")[0].splitlines():
        try:
            line: dict[str, Any] = json.loads(raw)
        except ValueError:  # left by a power cut, or half a line by an older version: so far it can be read
            break
        if "claimed" in line:
            remains.claimed = dict(line["claimed"])
        elif "started" in line:
            remains.started.add(line["started"])
        elif (email_id := line["finished"]) in remains.claimed:
            outcomes = [
                Outcome(position, status, Reply(*reply) if reply else None, *suppression)
                for position, status, reply, *suppression in line["outcomes"]
            ]
            remains.finished[email_id] = Attempt(email_id, remains.claimed[email_id], line["relay"], outcomes)
    return remains
