"""Where the links of a body stand: HTML and text split once into what stays as it is and what is tracked.

Nothing is parsed into a tree and written again, so all but the value of a link's `href` goes out as it came,
to the last octet, whatever a browser would say to it. Found are `href` of `a` and `area`, also inside the
conditional comments of Outlook; not in other comments, scripts, styles or attributes. Left alone is what is
marked `data-no-track`, what can't lead to the web (mailto:, tel:, anchors …) and our own addresses.

The scanner follows the HTML standard (§13.2.5) as far as that takes, in time in proportion to the body.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from html.entities import html5
from urllib.parse import quote

import idna

from shared.tracking import CLICK_PATH, LONGEST_TARGET, MOST_LINKS, OPEN_PATH, UNSUBSCRIBE_PATH

#: A variable of a template: not read as HTML, whatever stands in its default.
_VARIABLE = re.compile(r"\{\{[^{}\r\n]*\}\}")
_UNSUBSCRIBE_VARIABLE = re.compile(r"\{\{\s*unsubscribe_url\s*(?:\||\}\})")

_CONDITIONAL = re.compile(r"<!(?:--)?\[(?:if\b[^\]<>]*+|endif)\](?:--)?>", re.IGNORECASE)
_MARKUP = re.compile(r"<(?:!--|[/!?]?[A-Za-z?!])")
# possessive: each stops where it first can, so that a body without closing quotes takes no longer than others
_VALUE = r"""(?:"[^"]*+"|'[^']*+'|[^\s>"'][^\s>]*+)"""
_ATTRIBUTE = rf"""[^\s/>][^\s/>=]*+(?:\s*+=\s*+{_VALUE}?+)?+"""
_TAG = re.compile(rf"""<(/?[A-Za-z][^\s/>]*+)(?:[\s/]++|{_ATTRIBUTE})*+>""")
_ATTRIBUTES = re.compile(rf"""([^\s/>][^\s/>=]*+)(?:\s*+=\s*+({_VALUE})?+)?+""")
#: What these hold is no markup.
_RAW = frozenset({"script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes"})
_LINKING = frozenset({"a", "area"})

_REFERENCE = re.compile(r"&(?:#[0-9]++;?|#[xX][0-9a-fA-F]++;?|[A-Za-z][A-Za-z0-9]*+(?:;|(?!=)))")
#: What a browser takes away at the ends of a URL, and anywhere in it (WHATWG URL §4.4).
_ENDS = "".join(map(chr, range(0x21)))
_BREAKS = str.maketrans("", "", "\t\r\n")
_WEB = re.compile(r"(https?://)([^/?#\\]+)(.*)", re.IGNORECASE | re.DOTALL)
#: All of ASCII that a header can carry; what is there of `%` and signs stays as it is.
_KEPT = "".join(map(chr, range(0x21, 0x7F)))
_PLAIN = re.compile("[!-~]*")
_OURS = (OPEN_PATH, CLICK_PATH, UNSUBSCRIBE_PATH)

_TEXT_LINK = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)
#: Signs that end a sentence and no URL.
_SENTENCE_END = ".,;:!?'*_"


@dataclass(frozen=True, slots=True)
class Link:
    """A link to track: its address as it stands there (in HTML with entities), and its number from 0."""

    raw: str
    index: int


@dataclass(frozen=True, slots=True)
class Pixel:
    """Where the pixel goes."""


#: What a body consists of; the strings and the links' `raw` joined are the body.
Pieces = tuple[str | Link | Pixel, ...]


def split_html(html: str, *, template: bool) -> Pieces:
    """The pieces of `html`, with one `Pixel` at the end of its body.

    Args:
        template: whether `{{…}}` is a variable, which no piece is cut in the middle of. A link made of
            variables is one until `target` says that its value leads nowhere.
    """
    scanned = _VARIABLE.sub(lambda found: "x" * len(found[0]), html) if template else html
    spans, end = _scan(scanned)
    return _pieces(html, [(*span, False) for span in spans] + [(end, end, True)], template)


def split_text(text: str, *, template: bool) -> Pieces:
    """The same for plain text: links are http and https URLs, without the sentence's own punctuation."""
    scanned = _VARIABLE.sub(lambda found: "x" * len(found[0]), text) if template else text
    spans = []
    for found in _TEXT_LINK.finditer(scanned):
        shown = found[0].rstrip(_SENTENCE_END)
        while shown.endswith(")") and shown.count(")") > shown.count("("):
            shown = shown[:-1].rstrip(_SENTENCE_END)
        spans.append((found.start(), found.start() + len(shown), False))
    return _pieces(text, spans, template)


def href(raw: str) -> str:
    """What the value of an attribute in HTML says, once its character references are replaced.

    In an attribute `&copy=1` is the text that it looks like (HTML §13.2.5.73): a name is a reference only
    with a semicolon, or in front of what is no letter, digit or `=`.
    """
    return _REFERENCE.sub(_replaced, raw) if "&" in raw else raw


def target(url: str) -> str | None:
    """Where a browser goes for `url`, as `Location` can say it; None if it is not ours to track.

    A browser does the same before it asks: white space at the ends and line breaks go, the host becomes
    A-labels, other characters outside of ASCII are encoded as UTF-8. Query, fragment and `%` stay as they
    are.
    """
    found = _WEB.fullmatch(url.strip(_ENDS).translate(_BREAKS))
    if found is None:
        return None
    scheme, authority, rest = found.groups()
    if rest.startswith(_OURS):
        return None
    try:
        whole = scheme + _authority(authority) + (rest if _PLAIN.fullmatch(rest) else quote(rest, safe=_KEPT))
    except ValueError:  # no host that has a form in the DNS, or half of a surrogate pair: as it came
        return None
    return whole if len(whole) <= LONGEST_TARGET else None


def _pieces(source: str, spans: list[tuple[int, int, bool]], template: bool) -> Pieces:
    """`source` cut at `spans`: (start, end, whether it is the place of the pixel), in any order."""
    pieces: list[str | Link | Pixel] = []
    at = links = 0
    for start, end, pixel in sorted(spans):
        raw = source[start:end]
        if not pixel and (links == MOST_LINKS or not _may_lead(raw, template)):
            continue
        if start > at:
            pieces.append(source[at:start])
        pieces.append(Pixel() if pixel else Link(raw, links))
        links += not pixel
        at = end
    if at < len(source):
        pieces.append(source[at:])
    return tuple(pieces)


def _may_lead(raw: str, template: bool) -> bool:
    """Whether a link can turn out to be one to track, whatever its variables are."""
    if not template or not _VARIABLE.search(raw):
        return target(href(raw)) is not None
    return _UNSUBSCRIBE_VARIABLE.search(raw) is None


def _scan(html: str) -> tuple[list[tuple[int, int]], int]:
    """(where the values of links stand, where the body ends)."""
    spans: list[tuple[int, int]] = []
    at, body_end, html_end = 0, None, None
    while (markup := _MARKUP.search(html, at)) is not None:
        start = markup.start()
        after = _passed_over(html, start)
        if after is None:
            tag = _TAG.match(html, start)
            if tag is None:  # it never ends: to a browser there is nothing more
                break
            name, after = tag[1].lower(), tag.end()
            if name in _LINKING:
                spans += _link(html, tag.end(1), after)
            elif name in _RAW:
                closing = re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE).search(html, after)
                if closing is None:
                    break
                after = closing.start()
            elif name == "/body":
                body_end = start
            elif name == "/html":
                html_end = start
        at = after
    return spans, next((end for end in (body_end, html_end) if end is not None), len(html))


def _passed_over(html: str, start: int) -> int | None:
    """Behind a comment or declaration at `start`; None if there is none, but a tag.

    What stands between Outlook's conditions is markup to Outlook.
    """
    if html[start + 1] not in "!?" and html[start + 1 : start + 3] not in ("/!", "/?"):
        return None
    condition = _CONDITIONAL.match(html, start)
    if condition is not None:
        return condition.end()
    closing = "-->" if html.startswith("<!--", start) else ">"
    found = html.find(closing, start + 2)
    return found + len(closing) if found >= 0 else len(html)


def _link(html: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Where the value of a tag's first href stands, unless the tag is marked as not to be tracked."""
    value: tuple[int, int] | None = None
    for attribute in _ATTRIBUTES.finditer(html, start, end - 1):
        name = attribute[1].lower()
        if name == "data-no-track":
            return
        if name == "href" and value is None:
            quoted = (attribute[2] or "")[:1] in ('"', "'")
            value = (attribute.start(2) + quoted, attribute.end(2) - quoted) if attribute[2] else (0, 0)
    if value is not None and value[0] < value[1]:
        yield value


def _replaced(reference: re.Match[str]) -> str:
    text = reference[0]
    if text.startswith("&#"):
        return unescape(text)
    return html5.get(text[1:], text)


def _authority(authority: str) -> str:
    """User, host and port with the host in A-labels; raises ValueError if it has none."""
    if authority.isascii() and authority.isprintable() and " " not in authority:
        return authority
    user, at, host = authority.rpartition("@")
    name, colon, port = host.partition(":")
    return f"{quote(user, safe=_KEPT)}{at}{idna.encode(name, uts46=True).decode()}{colon}{port}"
