"""`{{variables}}`: parsed once into pieces, rendered by joining them. Pure; no code is ever run.

`{{first_name}}`, `{{metadata.key}}`, `{{first_name|there}}` (a default for what is missing or empty). Values
are escaped in HTML and never in text or subjects; what is unknown renders empty, and what was filled in is
never parsed again. Refuses a `{{` that begins no variable, and says where it stands: a typing error must not
reach a reader's inbox.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from typing import Any

_OPENING = "{{"
_VARIABLE = re.compile(r"\{\{\s*(?P<path>[A-Za-z_][\w-]*(?:\.[\w-]+)*)\s*(?:\|(?P<default>[^{}\r\n]*))?\}\}")
#: What would end a header's line, or a reader's idea of one.
_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
#: What `escape` would look for, five times.
_MARKUP = re.compile("[&<>\"']")
#: Parsed templates kept per process, and the longest that is kept (characters): a campaign's three stay while
#: it is sent, and what strangers send fills no memory.
_KEPT = 64
_LONGEST_KEPT = 256 * 1024
#: How much of a faulty place an error shows (characters).
_LONGEST_SHOWN = 60


class TemplateError(ValueError):
    """A template that can't be understood; the message says where and why, for a person."""

    def __init__(self, source: str, at: int, words: str) -> None:
        self.line = source.count("\n", 0, at) + 1
        self.column = at - source.rfind("\n", 0, at)
        super().__init__(f"Line {self.line}, column {self.column}: {words}")


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
            piece if isinstance(piece, str) else filled(piece, values, html=html) for piece in self.pieces
        )

    def render_line(self, values: Mapping[str, Any]) -> str:
        """The text for a header: unescaped, and on one line whatever the values hold.

        Line breaks and other control characters become spaces: no value can end the header and begin
        another.
        """
        return _BREAKS.sub(" ", self.render(values, html=False)).strip(" ")

    def length(self, values: Mapping[str, Any], *, html: bool) -> int:
        """How many characters `render` would give, without making them: a few kilobytes can ask for many."""
        return sum(
            len(piece) if isinstance(piece, str) else len(filled(piece, values, html=html))
            for piece in self.pieces
        )


def parse(source: str) -> Template:
    """The template in `source`.

    Raises:
        TemplateError: a `{{` begins no variable.
    """
    return _kept(source) if len(source) <= _LONGEST_KEPT else _parsed(source)


def with_full_name(values: Mapping[str, Any]) -> dict[str, Any]:
    """`values` and `full_name`, made of first and last name unless it was given."""
    parts = (_text(values.get("first_name")), _text(values.get("last_name")))
    return {"full_name": " ".join(part for part in parts if part), **values}


def _parsed(source: str) -> Template:
    pieces: list[str | Variable] = []
    end = 0
    while (start := source.find(_OPENING, end)) >= 0:
        match = _VARIABLE.match(source, start)
        if match is None:
            raise TemplateError(source, start, _trouble(source, start))
        if start > end:
            pieces.append(source[end:start])
        pieces.append(Variable(tuple(match["path"].split(".")), (match["default"] or "").strip()))
        end = match.end()
    if end < len(source):
        pieces.append(source[end:])
    return Template(tuple(pieces))


_kept = lru_cache(maxsize=_KEPT)(_parsed)


def _trouble(source: str, at: int) -> str:
    """What is wrong with the `{{` at `at`."""
    closing = source.find("}}", at)
    if closing < 0:
        return "this {{ is never closed by }}."
    shown = source[at : closing + 2]
    shown = shown if len(shown) <= _LONGEST_SHOWN else shown[:_LONGEST_SHOWN] + "…"
    return f"{shown!r} is no variable; write {{{{name}}}}, {{{{name.key}}}} or {{{{name|default}}}}."


def filled(variable: Variable, values: Mapping[str, Any], *, html: bool) -> str:
    """What stands in the place of `variable`, escaped for HTML when `html`."""
    found: Any = values
    for key in variable.path:
        # asked of a million readers' dicts: the question about other mappings takes ten times as long
        found = found.get(key) if type(found) is dict or isinstance(found, Mapping) else None
    text = (found if type(found) is str else _text(found)) or variable.default
    return escape(text) if html and _MARKUP.search(text) else text


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
