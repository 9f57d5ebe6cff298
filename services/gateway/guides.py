"""The guides for people: docs/guides/*.md as pages of this install."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

_DIRECTORY = Path(__file__).resolve().parents[2] / "docs" / "guides"


@dataclass(frozen=True)
class Guide:
    """One guide: the name in its address, its first heading, and its text as HTML."""

    name: str
    title: str
    html: str


@cache
def guides() -> dict[str, Guide]:
    """Every guide by name, in the order of their titles."""
    found = [_read(path) for path in _DIRECTORY.glob("*.md")]
    return {guide.name: guide for guide in sorted(found, key=lambda guide: guide.title)}


def _read(path: Path) -> Guide:
    # HTML in a guide would be shown, not run
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = markdown.parse(path.read_text(encoding="utf-8"))
    headings = [
        (token, tokens[at + 1].content) for at, token in enumerate(tokens) if token.type == "heading_open"
    ]
    for token, words in headings:
        token.attrSet("id", _anchor(words))
    for token in tokens:
        _point_to_pages(token.children or [])
    html = markdown.renderer.render(tokens, markdown.options, {})
    return Guide(path.stem, headings[0][1], html)


def _anchor(heading: str) -> str:
    """What links to a heading say, as repositories' web pages have it too."""
    return re.sub(r"[^\w-]", "", heading.lower().replace(" ", "-"))


def _point_to_pages(inline: list[Token]) -> None:
    """Guides name each other by file, as a repository shows them; here they are pages beside each other."""
    for token in inline:
        target = str(token.attrGet("href") or "")
        file, hash, fragment = target.partition("#")
        if token.type == "link_open" and file.endswith(".md") and "/" not in file:
            token.attrSet("href", file.removesuffix(".md") + hash + fragment)
