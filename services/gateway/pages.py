"""The few pages for people whose home is the gateway: a title and some HTML; nothing is loaded, no script."""

from __future__ import annotations

from html import escape
from pathlib import Path
from string import Template

from flask import Response

_FRAME = Path(__file__).parent / "static" / "page.html"
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)


def page(title: str, body: str, status: int = 200) -> Response:
    """A page; `title` is text, `body` HTML."""
    text = Template(_FRAME.read_text(encoding="utf-8")).substitute(title=escape(title), body=body)
    made = Response(text, status, mimetype="text/html")
    made.headers["Content-Security-Policy"] = _POLICY
    made.headers["Referrer-Policy"] = "no-referrer"
    made.headers["X-Robots-Tag"] = "noindex"
    return made
