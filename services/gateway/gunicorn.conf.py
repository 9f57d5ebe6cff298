"""gunicorn for the gateway: `gunicorn -c services/gateway/gunicorn.conf.py -b HOST:PORT`."""

from shared.serving import *  # noqa: F403

wsgi_app = "services.gateway.app:create_app()"
