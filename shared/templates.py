"""`{{variables}}`: parsed once into pieces, rendered by joining them. Pure; no code is ever run.

`{{first_name}}`, `{{metadata.key}}`, `{{first_name|there}}` (a default for what is missing or empty). Values
are escaped in HTML and never in text or subjects; what is unknown renders empty. A `{{` that begins no
variable is left as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from typing import Any

_VARIABLE = re.compile(r"\{\{\s*(?P<path>[A-Za-z_][\w-]*(?:\.[\w-]+)*)\s*(?:\|(?P<default>[^{}\r\n]*))?\}\}")
#: Parsed templates kept per process; a campaign's three templates stay while it is sent.
_KEPT = 256


@dataclass(frozen=True, slots=True)
class Variable:
    """A place to fill: the path of keys and what stands in when there is nothing."""

    path: tuple[str, ...]
    default: str


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed template: literal text and variables, in order."""

    pieces: tuple[str | Variable, ...]

    @property
    def variables(self) -> list[str]:
        """The dotted names it uses, each once, in order of appearance."""
        return list(dict.fromkeys(".".join(item.path) for item in self.pieces if isinstance(item, Variable)))

    def render(self, values: Mapping[str, Any], *, html: bool) -> str:
        """The text with `values` filled in, escaped for HTML when `html`."""
        return "".join(
            piece if isinstance(piece, str) else _filled(piece, values, html) for piece in self.pieces
        )


@lru_cache(maxsize=_KEPT)
def parse(source: str) -> Template:
    """The template in `source`. Nothing is refused: what is no variable is text."""
    pieces: list[str | Variable] = []
    end = 0
    for match in _VARIABLE.finditer(source):
        if match.start() > end:
            pieces.append(source[end : match.start()])
        pieces.append(Variable(tuple(match["path"].split(".")), (match["default"] or "").strip()))
        end = match.end()
    if end < len(source):
        pieces.append(source[end:])
    return Template(tuple(pieces))


def with_full_name(values: Mapping[str, Any]) -> dict[str, Any]:
    """`values` and `full_name`, made of first and last name unless it was given."""
    parts = (_text(values.get("first_name")), _text(values.get("last_name")))
    return {"full_name": " ".join(part for part in parts if part), **values}


def _filled(variable: Variable, values: Mapping[str, Any], html: bool) -> str:
    found: Any = values
    for key in variable.path:
        found = found.get(key) if isinstance(found, Mapping) else None
    text = _text(found) or variable.default
    return escape(text) if html else text


def _text(value: Any) -> str:
    """A value as a reader expects to see it; what has no text form of its own (an object) is empty."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list):
        return ", ".join(filter(None, map(_text, value)))
    return ""
