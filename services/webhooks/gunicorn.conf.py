"""gunicorn for the webhooks service: `gunicorn -c services/webhooks/gunicorn.conf.py -b HOST:PORT`."""

from shared.serving import *  # noqa: F403

wsgi_app = "services.webhooks.app:create_app()"
