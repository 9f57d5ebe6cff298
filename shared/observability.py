"""Logs that a machine and a person can follow: one line an event, with the request id from the HTTP header
through the outbox and the queue down to the SMTP reply. Never a secret, never a message body.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import structlog

from shared.settings import settings

#: Keys whose values never reach a log.
_SECRET_KEYS = frozenset({"api_key", "authorization", "password", "secret", "token", "x-api-key"})


def configure_logging() -> None:
    """Routes structlog and the standard library's logging to stdout in the configured format."""
    config = settings()
    shared_steps: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_process,
        _redact,
    ]
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=False, pad_event_to=28)
        if config.log_format == "console"
        else structlog.processors.JSONRenderer()
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared_steps,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(config.log_level)
    logging.getLogger("dramatiq").setLevel("WARNING")
    logging.getLogger("pika").setLevel("CRITICAL")  # who uses it reports a broker that is away in one line
    structlog.configure(
        processors=[*shared_steps, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(config.log_level)),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger whose lines name `name` and the bound request id."""
    return cast(structlog.stdlib.BoundLogger, structlog.get_logger(name))


@contextmanager
def request_scope(request_id: str | None) -> Iterator[None]:
    """Every line logged inside carries `request_id`."""
    with structlog.contextvars.bound_contextvars(request_id=request_id):
        yield


def bind_request_id(request_id: str) -> None:
    """Starts a request: later lines of this context carry `request_id` and nothing of the request before."""
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=request_id)


def current_request_id() -> str | None:
    """The request id of this context, if it has one."""
    return cast("str | None", structlog.contextvars.get_contextvars().get("request_id"))


def _add_process(_: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    event["process"] = settings().process
    return event


def _redact(_: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    for key in event:
        if key.lower() in _SECRET_KEYS:
            event[key] = "[redacted]"
    return event
