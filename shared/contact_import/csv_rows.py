"""Text in pieces of bytes → CSV rows, each with the line it begins on and the byte behind it. Pure.

Reads as spreadsheets write: quoted line breaks, ragged rows, stray quotes. A row that can't be read is one
fault and costs no other row: what a quote that never ends had swallowed is read again without it.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

#: Longest line and longest row, in bytes; what is longer is cut there, and its row is a fault.
MAX_ROW = 1024 * 1024


@dataclass(frozen=True, slots=True)
class CsvRow:
    """One row: `fault` says why it can't be read, and then `cells` holds the line as it is."""

    line: int
    cells: list[str]
    fault: str | None = None


class CsvReader:
    """The rows of a text from somewhere in it; `position` and `line` say where the next row begins."""

    def __init__(self, blocks: Iterable[bytes], delimiter: str, position: int = 0, line: int = 1) -> None:
        """`blocks` begin at the byte `position`, with the line `line` (from 1)."""
        self.position = position
        self.line = line
        self._delimiter = delimiter
        self._lines = _split(blocks)
        self._back: deque[bytes] = deque()
        self._taken: list[bytes] = []
        self._ended = False

    def __iter__(self) -> Iterator[CsvRow]:
        """Rows that are not empty."""
        reader = csv.reader(self._next_lines(), delimiter=self._delimiter)
        while True:
            self._taken.clear()
            begins = self.line
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield self._fault(begins, f"Can't be read: {error}.")
                reader = csv.reader(self._next_lines(), delimiter=self._delimiter)
                continue
            if self._ended and len(self._taken) > 1 and self._quotes_left():
                yield self._fault(begins, "Holds a quote that never ends.")
                reader = csv.reader(self._next_lines(), delimiter=self._delimiter)
                continue
            self._consume(self._taken)
            if any(map(str.strip, cells)):
                yield CsvRow(begins, cells, self._too_long())

    def _next_lines(self) -> Iterator[str]:
        while True:
            line = self._back.popleft() if self._back else next(self._lines, None)
            if line is None:
                self._ended = True
                return
            self._taken.append(line)
            yield line.decode(errors="replace")

    def _consume(self, lines: list[bytes]) -> None:
        self.position += sum(map(len, lines))
        self.line += len(lines)

    def _fault(self, begins: int, why: str) -> CsvRow:
        """The row's first line is given up; what was read with it is read again."""
        first, *rest = self._taken
        self._back.extendleft(reversed(rest))
        self._ended = False
        self._consume([first])
        return CsvRow(begins, [first.decode(errors="replace")], why)

    def _quotes_left(self) -> bool:
        return sum(line.count(b'"') for line in self._taken) % 2 == 1

    def _too_long(self) -> str | None:
        return "Is longer than 1 MB." if sum(map(len, self._taken)) >= MAX_ROW else None


def _split(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Lines with their ends; a line of more than MAX_ROW bytes in pieces."""
    rest = b""
    for block in blocks:
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            yield line + b"\n"
        while len(rest) >= MAX_ROW:
            yield rest[:MAX_ROW]
            rest = rest[MAX_ROW:]
    if rest:
        yield rest
