"""The gateway's Flask application: hooks, errors, blueprints; nothing else."""

from __future__ import annotations

from flask import Flask, request

from services.gateway import elsewhere, limits
from services.gateway.errors import problem
from services.gateway.openapi import api_of
from services.gateway.routes import API, GUARDS, PAGES
from shared import web
from shared.observability import configure_logging
from shared.settings import settings


def create_app() -> Flask:
    """The application, ready to serve."""
    configure_logging()
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings().max_request_bytes
    web.install(app)
    app.before_request(_guard)
    app.after_request(limits.describe)
    api = api_of(app)
    for mount in API:
        api.register_blueprint(mount.blueprint)
    elsewhere.declare(api.spec)
    for page in PAGES:
        app.register_blueprint(page.blueprint)
    return app


def _guard() -> None:
    if request.blueprint is None:  # no such route: 404 or 405 follows
        limits.admit_visitor()
        return
    guard = GUARDS.get(request.blueprint)
    if guard is None:
        raise problem("not_found")
    guard()
