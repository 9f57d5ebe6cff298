"""What every HTTP service answers alike: request ids, one log line a request, the JSON error body, health.

The one place in `shared` that knows Flask. Refuses to tell a client anything about an unexpected error: its
traceback goes to the log, under the request id that the client gets.
"""

from __future__ import annotations

import re
import time

from flask import Blueprint, Flask, Response, current_app, g, jsonify, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.middleware.proxy_fix import ProxyFix

from shared import metrics
from shared.db import DatabaseUnavailable
from shared.errors import ApiError
from shared.health import dependencies
from shared.ids import new_id
from shared.observability import bind_request_id, current_request_id, get_logger
from shared.settings import settings

log = get_logger("http")

#: What an inbound `X-Request-Id` may look like; anything else could forge log lines.
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
#: Seconds after which a client may try again when Postgres is away.
_RETRY_AFTER = 2

#: Most that is read of a body we refuse for its size.
_DRAIN_BYTES = 64 * 1024 * 1024

#: status → (code, sentence) where an exception of the framework tells us no more than its status
_BY_STATUS = {
    400: ("bad_request", "The request could not be understood."),
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not answer to this method."),
    413: ("payload_too_large", "The request body is too large."),
    415: ("unsupported_media_type", "The request body has a type that is not understood here."),
    500: ("internal_error", "Something went wrong on our side."),
}

_NEEDS_DATABASE = "MAILMATIC_NEEDS_DATABASE"

_REQUESTS = metrics.Counter(
    "mailmatic_http_requests_total", "Requests that were answered.", ["method", "endpoint", "status"]
)
_SECONDS = metrics.Histogram(
    "mailmatic_http_request_seconds",
    "From a request to the beginning of its answer.",
    ["endpoint"],
    buckets=(0.005, 0.02, 0.1, 0.5, 2.0, 10.0),
)

health = Blueprint("health", __name__)


@health.get("/healthz")
def healthz() -> Response:
    """Alive: the process answers."""
    return jsonify(status="ok")


@health.get("/readyz")
def readyz() -> tuple[Response, int]:
    """Ready: Postgres answers. RabbitMQ and Redis may be away; nothing a client is told depends on them."""
    checks = dependencies()
    if checks["postgres"] != "ok" and current_app.config[_NEEDS_DATABASE]:
        return jsonify(status="unavailable", checks=checks), 503
    degraded = {name: "ok" if state == "ok" else "degraded" for name, state in checks.items()}
    return jsonify(status="ok", checks=degraded), 200


@health.get("/metrics")
def prometheus() -> Response:
    """Metrics of all processes of this service. Not for the world: the edge does not pass it on."""
    return Response(metrics.exposition(), content_type=metrics.CONTENT_TYPE)


def install(app: Flask, *, needs_database: bool = True) -> None:
    """Gives `app` request ids, access logs, our error bodies, safe headers and the health routes.

    Args:
        needs_database: whether it is no use without Postgres: then it says that it is not ready.
    """
    app.config[_NEEDS_DATABASE] = needs_database
    app.json.sort_keys = False  # type: ignore[attr-defined]
    hops = settings().trusted_proxies
    # without a proxy of ours in front, X-Forwarded-For is only what the client claims
    if hops:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    app.before_request(_begin)
    app.after_request(_finish)
    app.register_error_handler(ApiError, answer)
    app.register_error_handler(DatabaseUnavailable, _database_unavailable)
    app.register_error_handler(HTTPException, _http_exception)
    app.register_error_handler(Exception, _unexpected)
    app.register_blueprint(health)


def answer(error: ApiError) -> Response:
    """The response that carries `error`."""
    if error.status == 413:
        _drain()
    response = jsonify(error.body(current_request_id()))
    response.status_code = error.status
    response.headers.update(error.headers)
    return response


def _begin() -> None:
    g.started = time.perf_counter()
    given = request.headers.get("X-Request-Id", "")
    bind_request_id(given if _REQUEST_ID.fullmatch(given) else str(new_id()))


def _finish(response: Response) -> Response:
    response.headers["X-Request-Id"] = current_request_id() or ""
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    _REQUESTS.labels(request.method, request.endpoint or "", response.status_code).inc()
    _SECONDS.labels(request.endpoint or "").observe(time.perf_counter() - g.started)
    write = log.debug if request.blueprint == "health" else log.info
    write(
        "http.request",
        method=request.method,
        # the rule, not the path: paths carry ids and tokens
        route=request.url_rule.rule if request.url_rule else None,
        status=response.status_code,
        ms=round((time.perf_counter() - g.started) * 1000, 1),
    )
    return response


def _database_unavailable(error: DatabaseUnavailable) -> Response:
    log.warning("database.unavailable", reason=str(error))
    return answer(
        ApiError(
            503,
            "database_unavailable",
            "The database can't be reached at the moment. Try again shortly.",
            headers={"Retry-After": str(_RETRY_AFTER)},
        )
    )


def _http_exception(error: HTTPException) -> Response:
    status = error.code or 500
    if status < 400:  # a redirect is an answer, not an error
        return Response(status=status, headers=error.get_headers())
    code, sentence = _BY_STATUS.get(
        status, (error.name.lower().replace(" ", "_"), error.description or error.name)
    )
    allowed = error.valid_methods if isinstance(error, MethodNotAllowed) else None
    headers = {"Allow": ", ".join(sorted(allowed))} if allowed else {}
    return answer(ApiError(status, code, sentence, headers=headers))


def _drain() -> None:
    """Reads what a client is still sending, within reason: few read an answer before they have sent all."""
    stream, left = request.environ["wsgi.input"], _DRAIN_BYTES
    while left > 0 and (chunk := stream.read(65536)):
        left -= len(chunk)


def _unexpected(error: Exception) -> Response:
    log.error("http.unexpected_error", exc_info=error)
    return answer(ApiError(500, *_BY_STATUS[500]))
