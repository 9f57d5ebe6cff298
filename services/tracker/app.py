"""The tracker's Flask application: hooks, errors, blueprints; nothing else."""

from __future__ import annotations

from flask import Flask

from shared import web
from shared.observability import configure_logging
from shared.settings import settings


def create_app() -> Flask:
    """The application, ready to serve."""
    configure_logging()
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings().max_request_bytes
    web.install(app)
    return app
