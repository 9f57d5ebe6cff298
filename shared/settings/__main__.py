"""`python -m shared.settings` writes docs/settings.md: every variable, its default and what it does."""

from __future__ import annotations

import sys
from dataclasses import Field, fields
from typing import Any

from shared.settings import SECTIONS


def reference() -> str:
    """The page, as Markdown."""
    lines = ["# Settings", "", "Environment variables; times in seconds, sizes in bytes."]
    for section in SECTIONS:
        lines += ["", f"## {section.__name__}", "", section.__doc__ or "", ""]
        lines += ["| variable | default | what it does |", "|---|---|---|"]
        lines += map(_row, fields(section))
    return "\n".join(lines) + "\n"


def _row(item: Field[Any]) -> str:
    default = ",".join(item.default) if isinstance(item.default, tuple) else item.default
    default = "" if default is None else default
    default = ("off", "on")[default] if isinstance(default, bool) else default
    shown = f"`{default}`" if str(default) else ""
    text = item.metadata["help"].replace("|", "\\|")
    return f"| `{item.metadata['env']}` | {shown} | {text} |"


if __name__ == "__main__":
    sys.stdout.write(reference())
