"""The suppression list as CSV: in with a fault for each row that is none, out without formulas. Pure.

Understands what spreadsheets and other services write: a header or none, commas, semicolons or tabs, a byte
order mark. Refuses what is not UTF-8.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from shared.addresses import AddressError, parse_address
from shared.clock import iso
from shared.csv_out import csv_text
from shared.suppressions import MANUAL, STRENGTH

COLUMNS = ("email", "reason", "source", "created_at")

#: Longest cell that is looked at; the longest address has 254 octets.
_LONGEST_CELL = 10_000
#: A cell that `csv_out.escape` has put a quote before.
_ESCAPED = re.compile(r"'+[=+\-@\t\r]")
_HEADER = ("email", "email address", "email_address", "e-mail", "address", "recipient")


class CsvError(ValueError):
    """Not CSV at all; the message says why, for a person."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One good row: an address (`Address.key`) and why it is suppressed."""

    address: str
    reason: str


@dataclass(frozen=True, slots=True)
class Reject:
    """One bad row: the line it ends on (from 1), what it says, and what is wrong with it."""

    line: int
    email: str
    detail: str


def read(raw: bytes) -> Iterator[Entry | Reject]:
    """The rows of a CSV file in its order; empty rows are passed over.

    Raises:
        CsvError: it is not UTF-8, or no CSV.
    """
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CsvError(f"The file is not UTF-8 (byte {error.start}).") from None
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    email_at, reason_at = 0, 1
    first = True
    for line, row in _rows(reader):
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        if first and (header := _header(cells)):
            email_at, reason_at, first = *header, False
            continue
        first = False
        yield _entry(line, _cell(cells, email_at), _cell(cells, reason_at).lower())


def write(rows: Iterable[dict[str, Any]], header: bool) -> str:
    """`rows` of the suppression list as CSV."""
    cells = ((row["email"], row["reason"], row["source"], iso(row["created_at"])) for row in rows)
    return csv_text([COLUMNS, *cells] if header else cells)


def _rows(reader: Any) -> Iterator[tuple[int, list[str]]]:
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise CsvError(f"Line {reader.line_num}: {error}.") from None
        yield reader.line_num, row


def _delimiter(text: str) -> str:
    """The delimiter that the first line uses: no address holds one outside quotes, which we don't accept."""
    line = text.partition("\n")[0]
    return max(",;\t", key=line.count)


def _header(cells: Sequence[str]) -> tuple[int, int] | None:
    names = [cell.lower() for cell in cells]
    email_at = next((index for index, name in enumerate(names) if name in _HEADER), None)
    if email_at is None:
        return None
    return email_at, names.index("reason") if "reason" in names else len(names) + 1_000


def _entry(line: int, email: str, reason: str) -> Entry | Reject:
    shown = email[:254]
    if len(email) > _LONGEST_CELL or "\x00" in email:
        return Reject(line, shown.replace("\x00", ""), "Not an address.")
    if reason and reason not in STRENGTH:
        return Reject(line, shown, f"The reason is none of {', '.join(STRENGTH)}.")
    try:
        address = parse_address(email[1:] if _ESCAPED.match(email) else email)
    except AddressError as error:
        return Reject(line, shown, str(error))
    return Entry(address.key, reason or MANUAL)


def _cell(cells: Sequence[str], at: int) -> str:
    return cells[at] if at < len(cells) else ""
