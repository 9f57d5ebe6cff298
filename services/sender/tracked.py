"""Bodies with their variables filled in, their links led over us and the pixel put in.

A source is split and parsed once, and rendered for any number of readers. The same source, values and reader
always give the same body.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from services.sender.links import Link, Pixel, href, split_html, split_text, target
from shared import templates
from shared.tracking import TRAP, TrackingUrls, link

#: Bodies kept per process, and the longest that is kept (characters), as with templates.
_KEPT = 64
_LONGEST_KEPT = 256 * 1024


class Reader(NamedTuple):
    """Whom a body is for (`shared.tracking.whom`), and what of their reading is tracked.

    `text` is whether links in plain text are tracked
    too, `trap` whether HTML gets the link that only machines follow, which leads to `home`.
    """

    urls: TrackingUrls
    whom: bytes
    opens: bool
    clicks: bool
    text: bool = False
    trap: bool = False
    home: str = ""

    def click(self, link: bytes) -> str:
        """The address of a link (`shared.tracking.link`)."""
        return self.urls.click(self.whom, link)

    def markup(self) -> str:
        """What stands at the end of an HTML body."""
        shown = ""
        if self.clicks and self.trap:
            address = self.click(link(TRAP, self.home))
            shown += f'<a href="{address}" style="display:none" tabindex="-1" aria-hidden="true"></a>'
        if self.opens:
            address = self.urls.open(self.whom)
            shown += f'<img src="{address}" width="1" height="1" alt="" style="border:0">'
        return shown


@dataclass(frozen=True, slots=True)
class _Anchor:
    """A link: its number, what stands there, and what its token says where that is the same for every
    reader.
    """

    index: int
    shown: str | templates.Template
    link: bytes | None


class Body:
    """One source, ready for any number of readers.

    `literals` are what all of them read, one more than there are places between them that differ.
    """

    def __init__(self, source: str, *, html: bool, template: bool) -> None:
        """`source` is HTML or plain text, a template or taken as it is.

        Raises:
            templates.TemplateError: it is no template.
        """
        self._html = html
        split = split_html if html else split_text
        self.literals: list[str] = [""]
        self._variables: list[templates.Variable] = []
        #: what stands between the literals, by kind: variables by their place among `_variables`, links, and
        #: where the pixel goes; each with its own place
        self._filled: list[tuple[int, int]] = []
        self._anchors: list[tuple[int, _Anchor]] = []
        self._pixels: list[int] = []
        for piece in split(source, template=template):
            self._add(self._piece(piece, template))

    def render(self, values: Mapping[str, Any], reader: Reader | None) -> str:
        """The body with `values` (of a template), tracked for `reader`; None: not tracked."""
        shown = [""] * (2 * len(self.literals) - 1)
        shown[::2] = self.literals
        shown[1::2] = self.between(values, reader)
        return "".join(shown)

    def between(self, values: Mapping[str, Any], reader: Reader | None) -> list[str]:
        """What stands between the literals for this reader."""
        clicks = reader if reader is not None and reader.clicks and (self._html or reader.text) else None
        # a variable that occurs often is filled in once
        own = [templates.filled(variable, values, html=self._html) for variable in self._variables]
        found = [""] * (len(self.literals) - 1)
        for place, variable in self._filled:
            found[place] = own[variable]
        for place, anchor in self._anchors:
            found[place] = self._link(anchor, values, clicks)
        for place in self._pixels:
            found[place] = "" if reader is None else reader.markup()
        return found

    def _add(self, piece: str | templates.Template | _Anchor | Pixel) -> None:
        for item in piece.pieces if isinstance(piece, templates.Template) else (piece,):
            if isinstance(item, str):
                self.literals[-1] += item
                continue
            place = len(self.literals) - 1
            if isinstance(item, templates.Variable):
                if item not in self._variables:
                    self._variables.append(item)
                self._filled.append((place, self._variables.index(item)))
            elif isinstance(item, _Anchor):
                self._anchors.append((place, item))
            else:
                self._pixels.append(place)
            self.literals.append("")

    def _link(self, anchor: _Anchor, values: Mapping[str, Any], reader: Reader | None) -> str:
        if reader and anchor.link:
            return reader.click(anchor.link)
        text = anchor.shown if isinstance(anchor.shown, str) else anchor.shown.render(values, html=self._html)
        own = self._token(anchor.index, text) if reader else None
        return reader.click(own) if reader and own else text

    def _piece(self, piece: str | Link | Pixel, template: bool) -> str | templates.Template | _Anchor | Pixel:
        if isinstance(piece, Pixel):
            return piece
        if isinstance(piece, str):
            return _parsed(piece) if template else piece
        shown = _parsed(piece.raw) if template else piece.raw
        return _Anchor(
            piece.index, shown, self._token(piece.index, shown) if isinstance(shown, str) else None
        )

    def _token(self, index: int, text: str) -> bytes | None:
        """What the token of a link says that stands there as `text`; None: it is left alone."""
        url = target(href(text) if self._html else text)
        return None if url is None else link(index, url)


def body(source: str, *, html: bool, template: bool) -> Body:
    """The body in `source`, kept for the next reader.

    Raises:
        templates.TemplateError: it is no template.
    """
    made = _kept if len(source) <= _LONGEST_KEPT else Body
    return made(source, html=html, template=template)


_kept = lru_cache(maxsize=_KEPT)(Body)


def _parsed(source: str) -> str | templates.Template:
    """A template; the text itself if there is no variable in it."""
    if "{{" not in source:
        return source
    return templates.parse(source)
