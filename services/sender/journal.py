"""The flight recorder: what a chunk of claimed emails has come to, on local disk, until Postgres has it.

Outcomes are recorded in Postgres once a chunk, because a commit a mail would cost more than the mail. A
sender killed in between would leave nobody knowing which of a hundred were handed over. So each claim writes
a file: the claim, then for each email a line before its body is sent and a line with its outcome. The file is
locked while its owner lives and removed once Postgres has the chunk. A sender that starts reads what dead
owners left: finished emails are recorded, emails that were in flight become `unknown`, the others are queued
again at once. Appends reach the kernel and so survive a killed process; after a power cut the lease decides.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any
from uuid import UUID

from services.sender.jobs import Attempt
from services.sender.outcomes import Outcome, Reply
from shared.ids import new_id

_SUFFIX = ".journal"
_encode = json.JSONEncoder(separators=(",", ":")).encode


class Journal:
    """The file of one chunk, held by one thread."""

    def __init__(self, directory: Path, claimed: list[tuple[UUID, int]]) -> None:
        """Opens and locks a new journal that begins with the claim: (email id, attempt) pairs."""
        directory.mkdir(parents=True, exist_ok=True)
        self._path = directory / f"{new_id()}{_SUFFIX}"
        draft = self._path.with_suffix(".new")
        self._fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        fcntl.flock(self._fd, fcntl.LOCK_EX)
        self._append({"claimed": [[str(email_id), attempt] for email_id, attempt in claimed]})
        draft.rename(self._path)  # only now can others see it, and it is locked already

    def started(self, email_id: UUID) -> None:
        """From here on the relay may have this message."""
        self._write(f'{{"started":"{email_id}"}}')

    def finished(self, attempt: Attempt) -> None:
        """The outcome is known."""
        self._append(
            {
                "finished": str(attempt.email_id),
                "relay": attempt.relay,
                "outcomes": [
                    [
                        item.position,
                        item.status,
                        item.reply and [item.reply.code, item.reply.text],
                        item.suppression,
                    ]
                    for item in attempt.outcomes
                ],
            }
        )

    def close(self) -> None:
        """Removes the journal: Postgres has all it says."""
        self._path.unlink(missing_ok=True)
        os.close(self._fd)

    def abandon(self) -> None:
        """Lets go of the journal but leaves it for whoever reads it next: Postgres could not be told."""
        os.close(self._fd)

    def _append(self, line: dict[str, Any]) -> None:
        self._write(_encode(line))

    def _write(self, line: str) -> None:
        os.write(self._fd, f"{line}\n".encode())


@dataclass
class Remains:
    """What a journal of a dead sender says."""

    claimed: dict[UUID, int] = field(default_factory=dict)
    started: set[UUID] = field(default_factory=set)
    finished: dict[UUID, Attempt] = field(default_factory=dict)

    @property
    def in_flight(self) -> list[tuple[UUID, int]]:
        """Handed over, perhaps: the reply never came."""
        return [
            (id, self.claimed[id]) for id in self.started if id in self.claimed and id not in self.finished
        ]

    @property
    def untouched(self) -> list[tuple[UUID, int]]:
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
            yield _read(file)
            path.unlink(missing_ok=True)


def _lock(file: IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(file: IO[bytes]) -> Remains:
    remains = Remains()
    for raw in file:
        if not raw.endswith(b"\n"):
            break  # the owner died inside this line
        line = json.loads(raw)
        if "claimed" in line:
            remains.claimed = {UUID(email_id): attempt for email_id, attempt in line["claimed"]}
        elif "started" in line:
            remains.started.add(UUID(line["started"]))
        else:
            email_id = UUID(line["finished"])
            outcomes = [
                Outcome(position, status, Reply(*reply) if reply else None, *suppression)
                for position, status, reply, *suppression in line["outcomes"]
            ]
            remains.finished[email_id] = Attempt(email_id, remains.claimed[email_id], line["relay"], outcomes)
    return remains
