"""The pages that readers see: HTML without scripts, in their language, light or dark as their system is."""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from services.tracker.words import Words, words_for

_FOLDER = Path(__file__).parent / "templates"
_STYLE = (_FOLDER / "page.css").read_text(encoding="utf-8")
_PAGE = Environment(
    loader=FileSystemLoader(_FOLDER), autoescape=True, trim_blocks=True, lstrip_blocks=True
).get_template("page.html")
_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

#: Nothing is loaded, no script runs, nobody frames it, and the address with its token is told to nobody.
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_DIGEST}'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
    "Vary": "Accept-Language",
}


def question(words: Words, about: str, lists: str) -> str:
    """Asks what to unsubscribe from; `lists` names them, empty: there is nothing to choose."""
    text = "" if lists else words.ask
    return _page(words, words.unsubscribe, text, about=about, lists=lists, form="unsubscribe")


def done(words: Words, about: str, *, everything: bool, back: bool) -> str:
    """Says that they are unsubscribed; `back`: with a way back."""
    text = words.done_all if everything else words.done_lists
    return _page(words, words.done, text, about=about, form="subscribe" if back else "")


def subscribed(words: Words, about: str) -> str:
    """Says that they are subscribed again, with the way out."""
    return _page(words, words.subscribed, words.subscribed_more, about=about, form="unsubscribe")


def nobody(words: Words) -> str:
    """Says that a link does not tell whose it is."""
    return _page(words, words.nobody, words.nobody_more)


def later(words: Words) -> str:
    """Says that it did not work for now."""
    return _page(words, words.later, words.later_more)


def broken(words: Words) -> str:
    """Says that a link is none of ours, or was damaged."""
    return _page(words, words.broken, words.broken_more)


def broken_link(accept_language: str) -> bytes:
    """`broken` in the reader's language, encoded."""
    return _broken(words_for(accept_language))


@lru_cache(maxsize=32)
def _broken(words: Words) -> bytes:
    return broken(words).encode()


def masked(address: str) -> str:
    """An address that its owner recognises, and who got the mail forwarded does not learn."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}•••@{domain}" if local else ""


def _page(words: Words, heading: str, text: str, *, about: str = "", lists: str = "", form: str = "") -> str:
    return _PAGE.render(
        words=words,
        heading=heading,
        text=text,
        about=about,
        lists=lists,
        form=form,
        style=Markup(_STYLE),  # noqa: S704 - our own file
    )
