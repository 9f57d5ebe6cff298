"""The reference for people and for machines. Needs no key and loads nothing from elsewhere."""

from __future__ import annotations

from html import escape
from pathlib import Path
from string import Template

from flask import Blueprint, Response, current_app, jsonify, send_from_directory

from services.gateway.errors import problem
from services.gateway.guides import guides
from services.gateway.openapi import document

_STATIC = Path(__file__).resolve().parents[1] / "static"
_CACHE_SECONDS = 3600

#: Only our own files; the viewer builds its style sheets in the page, hence 'unsafe-inline' for styles alone.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

blueprint = Blueprint("docs", __name__)


@blueprint.get("/")
def root() -> Response:
    """Who comes without a path wants to read."""
    return Response(status=302, headers={"Location": "/docs"})


@blueprint.get("/docs")
def docs() -> Response:
    """The reference page."""
    page = send_from_directory(_STATIC, "docs.html", max_age=0)
    page.headers["Content-Security-Policy"] = _POLICY
    page.headers["Referrer-Policy"] = "no-referrer"
    return page


@blueprint.get("/docs/assets/<path:name>")
def asset(name: str) -> Response:
    """The viewer."""
    return send_from_directory(_STATIC, name, max_age=_CACHE_SECONDS)


@blueprint.get("/docs/guides")
def guide_list() -> Response:
    """All guides."""
    items = "".join(
        f'<li><a href="/docs/guides/{item.name}">{escape(item.title)}</a></li>' for item in guides().values()
    )
    return _page("Guides", f"<h1>Guides</h1><ul>{items}</ul>")


@blueprint.get("/docs/guides/<name>")
def guide(name: str) -> Response:
    """One guide."""
    found = guides().get(name)
    if found is None:
        raise problem("not_found", "There is no guide of this name.")
    return _page(found.title, found.html)


@blueprint.get("/api/openapi.json")
def openapi() -> Response:
    """The OpenAPI document of this install."""
    return jsonify(document(current_app))


def _page(title: str, body: str) -> Response:
    frame = Template((_STATIC / "guide.html").read_text(encoding="utf-8"))
    page = Response(frame.substitute(title=escape(title), body=body), mimetype="text/html")
    page.headers["Content-Security-Policy"] = _POLICY
    page.headers["Referrer-Policy"] = "no-referrer"
    return page
