"""Text parts compiled for many readers: what all of them get is encoded once, and joined with what is their
own.

The part is the same to the octet as `mime.text_part` makes of the whole body; where that can't be told from
the pieces (a value with a line break or outside of ASCII, a very long line), the whole body is what it is
made of.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from services.sender import mime
from services.sender.tracked import Body, Reader, body

#: Parts kept per process, and the longest source that is kept (characters), as with bodies.
_KEPT = 64
_LONGEST_KEPT = 256 * 1024


class TextPlan:
    """One body as a text part."""

    def __init__(self, subtype: str, source: Body) -> None:
        """`subtype` is `plain` or `html`."""
        self._subtype = subtype
        self._body = source
        self._head = [f"Content-Type: text/{subtype}; charset=us-ascii", "Content-Transfer-Encoding: 7bit"]
        lines = [mime.lines(literal) for literal in source.literals]
        self._literals = [mime.CRLF.join(of).encode() for of in lines]
        #: of each literal: how long its first line is, and its last (None: it has but one)
        self._ends = [(len(of[0]), len(of[-1]) if len(of) > 1 else None) for of in lines]
        inner = [line for of in lines for line in of[1:-1]]
        self._plain = (
            mime.is_plain(b"".join(self._literals))
            and max(map(len, inner), default=0) <= mime.MAX_LINE
            # half of a line end, whose other half a reader's value may be
            and not any(literal.endswith("\r") for literal in source.literals)
        )
        #: of any line: how long it is at most by what is the same for all, and how often it differs at most
        shared = b"\0".join(self._literals).split(b"\r\n")
        self._longest, self._most = max(map(len, shared)), max(line.count(b"\0") for line in shared)

    def part(self, values: Mapping[str, Any], reader: Reader | None) -> mime.Part:
        """The part for this reader."""
        between = self._body.between(values, reader)
        own = "".join(between)
        if not (
            self._plain and mime.is_plain(own) and "\n" not in own and "\r" not in own and self._fits(between)
        ):
            return mime.text_part(self._subtype, self._body.render(values, reader))
        pieces = [b""] * (2 * len(self._literals) - 1)
        pieces[::2] = self._literals
        pieces[1::2] = [text.encode() for text in between]
        whole = b"".join(pieces)
        return self._head, (whole if whole.endswith(b"\r\n") else whole + b"\r\n",)

    def _fits(self, between: list[str]) -> bool:
        """Whether no line that a reader's own text is in gets too long to travel as it is."""
        if self._longest + self._most * max(map(len, between), default=0) <= mime.MAX_LINE:
            return True  # as nearly all are, and quickly seen
        length = 0
        for (first, last), text in zip(self._ends, [*between, ""], strict=True):
            length += first
            if last is not None:
                if length > mime.MAX_LINE:
                    return False
                length = last
            length += len(text)
        return length <= mime.MAX_LINE


def text_plan(source: str, *, html: bool, template: bool) -> TextPlan:
    """The part that `source` becomes, kept for the next reader.

    Raises:
        templates.TemplateError: it is no template.
    """
    made = _kept if len(source) <= _LONGEST_KEPT else _made
    return made(source, html=html, template=template)


def _made(source: str, *, html: bool, template: bool) -> TextPlan:
    return TextPlan("html" if html else "plain", body(source, html=html, template=template))


_kept = lru_cache(maxsize=_KEPT)(_made)
