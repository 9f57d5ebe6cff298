"""gunicorn, the same for every HTTP service: each `gunicorn.conf.py` takes all of this and names its app."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from shared import memory, metrics
from shared.observability import configure_logging
from shared.settings import settings

worker_class = "gthread"
workers = settings().http_workers
threads = settings().http_threads
#: SIGTERM: requests in flight have this long to finish.
graceful_timeout = 30
timeout = 60
#: Longer than the edge keeps its idle connections, so that it never writes into one we are closing.
keepalive = 75
#: Longest request line, in bytes, as long as the edge's.
limit_request_line = 8190
#: gunicorn's heartbeat file must never wait for a disk.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - a tmpfs, and gunicorn unlinks it
#: gunicorn's control socket would be one path in the home directory, for all our services to fight over.
control_socket_disable = True
#: The application logs each request itself, with its request id.
accesslog = None
# gunicorn's own lines go through our logging, like everyone's
logconfig_dict: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "root": {"level": settings().log_level, "handlers": []},
    "loggers": {
        "gunicorn.error": {"level": "INFO", "handlers": [], "propagate": True},
        "gunicorn.access": {"level": "WARNING", "handlers": [], "propagate": False},
    },
    "handlers": {},
    "formatters": {},
}


def on_starting(arbiter: Any) -> None:
    """Before the first worker: gunicorn has set its logging up by now, and ours replaces it.

    The application's modules are imported here, once, and shared by the workers that are forked; each makes
    an application and opens connections of its own.
    """
    configure_logging()
    metrics.begin()  # before the modules: they make the metrics
    import_module(arbiter.app.app_uri.partition(":")[0])
    memory.settle()


def child_exit(_: Any, worker: Any) -> None:
    """After a worker's end."""
    metrics.process_ended(worker.pid)
