"""The tracker: pixel and links in front (hot.py), the way out behind them in Flask; and the spool of hits.

Answers need no server of ours: what a token says is in the token, and hits go to the local disk first.
"""

from __future__ import annotations

import atexit

from flask import Flask

from services.tracker import pages
from services.tracker.hot import Hot
from services.tracker.publishing import Publisher
from services.tracker.routes.unsubscribe import blueprint
from services.tracker.spool import Spool
from shared import web
from shared.observability import configure_logging, get_logger
from shared.settings import settings
from shared.tracking import Tokens, tokens

#: Largest body of a request: a form of two fields.
_MAX_BODY = 64 * 1024


def create_app() -> Hot:
    """The WSGI application, ready to serve, with the thread that empties its spool."""
    configure_logging()
    config = settings()
    spool = Spool(config.state_dir / "tracker", config.tracker_spool_bytes)
    known = _tokens()
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = _MAX_BODY
    app.extensions["tokens"], app.extensions["spool"] = known, spool
    app.register_blueprint(blueprint)
    web.install(app, needs_database=False)  # links work without, so a balancer must not take us out
    publisher = Publisher(spool)
    publisher.start()
    atexit.register(publisher.stop)
    return Hot(app.wsgi_app, known, spool, config.trusted_proxies, pages.broken_link)


def _tokens() -> Tokens | None:
    """None without a master key: no mail of this install is tracked, and no link is ours."""
    try:
        return tokens()
    except ValueError as error:
        get_logger("tracker").warning("tracker.no_links", reason=str(error))
        return None
