"""The reference for people and for machines. Needs no key and loads nothing from elsewhere."""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Response, current_app, jsonify, send_from_directory

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


@blueprint.get("/api/openapi.json")
def openapi() -> Response:
    """The OpenAPI document of this install."""
    return jsonify(document(current_app))
