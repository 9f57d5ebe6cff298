"""gunicorn for the tracker service: `gunicorn -c services/tracker/gunicorn.conf.py -b HOST:PORT`."""

from shared.serving import *  # noqa: F403

wsgi_app = "services.tracker.app:create_app()"
