"""CSV that we write (RFC 4180): no cell of it is a formula to a spreadsheet (OWASP, CSV injection)."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence

#: What a spreadsheet takes for a formula, after any quotes that already escape it.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    """`rows` as CSV; None is an empty cell."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    for row in rows:
        writer.writerow(["" if cell is None else escape(str(cell)) for cell in row])
    return out.getvalue()


def escape(cell: str) -> str:
    """`cell`, which no spreadsheet runs; our imports take the added quote away again."""
    return f"'{cell}" if _FORMULA.match(cell) else cell
