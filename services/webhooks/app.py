"""The Flask application of the webhooks service: hooks, errors, blueprints; nothing else."""

from __future__ import annotations

from flask import Flask, request

from services.webhooks.routes import GUARDS, MOUNTS
from shared import web
from shared.errors import ApiError
from shared.observability import configure_logging
from shared.settings import settings


def create_app() -> Flask:
    """The application, ready to serve."""
    configure_logging()
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings().max_request_bytes
    web.install(app)
    app.before_request(_guard)
    for blueprint, _ in MOUNTS:
        app.register_blueprint(blueprint)
    return app


def _guard() -> None:
    if request.blueprint is None or request.blueprint == "health":
        return
    guard = GUARDS.get(request.blueprint)
    if guard is None:
        raise ApiError(404, "not_found", "There is nothing at this address.")
    guard()
