"""Operations that take an idempotency key: the answer of a request that was executed is given again.

The look-up comes before the body is judged: a schedule that was in the future then, or a recipient who was
not suppressed then, must not turn a replay into a refusal.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Request, Response, g, jsonify, request
from sqlalchemy import Connection

from services.gateway import idempotency
from services.gateway.auth import principal
from services.gateway.idempotency import Answer, Claim, Replayed
from services.gateway.schemas import Schema
from shared.db import transaction

#: What makes two requests under one key the same: a JSON value out of the request, whatever form it came in.
Content = Callable[[Request], Any]

#: Visible ASCII without the comma, which would make two headers of one; in double quotes it may have more.
_BARE_KEY = r"^[!#-+\--~][!-+\--~]*$"

_HEADERS = ("Idempotency-Key", "X-Idempotency-Key")

#: How the key appears in the OpenAPI document, and what it adds to the answers.
PARAMETERS: list[dict[str, Any]] = [
    {
        "in": "header",
        "name": name,
        "schema": {"type": "string", "maxLength": 256, "pattern": _BARE_KEY},
        "description": description,
        "example": "unique-request-id-12345",
    }
    for name, description in zip(
        _HEADERS,
        ("The same key and body within 24 hours are answered alike and executed once.", "The same."),
        strict=True,
    )
]
REFUSES = ("invalid_idempotency_key", "idempotency_mismatch", "idempotency_in_progress")


def once(view: Callable[..., Any], content: Content) -> Callable[..., Any]:
    """Makes `view`, which must `keep` its answer in its transaction, execute once a key and content."""

    @wraps(view)
    def answer_once(*args: Any, **kwargs: Any) -> Any:
        g.claim = claim = _claim(content)
        if claim is None:
            return view(*args, **kwargs)
        with transaction() as tx:
            stored = idempotency.find(tx, claim)
        if stored:
            return _replay(stored)
        try:
            return view(*args, **kwargs)
        except Replayed as twin:
            return _replay(twin.answer)

    return answer_once


def keep(tx: Connection, response: Response) -> None:
    """Claims this request's key, if it has one, and keeps its answer.

    Raises:
        Replayed: a twin was faster (`once` answers for it); ApiError: 409.
    """
    claim: Claim | None = g.claim
    if claim:
        idempotency.keep(tx, claim, Answer(response.status_code, response.get_data()))


def amend(tx: Connection, response: Response) -> None:
    """Keeps a better answer to this request than the one that was kept first; only after `keep`."""
    claim: Claim | None = g.claim
    if claim:
        idempotency.amend(tx, claim, Answer(response.status_code, response.get_data()))


def rendered(schema: Schema, value: object, status: int) -> Response:
    """`value` as the response that will be kept and sent."""
    response = jsonify(schema.dump(value))
    response.status_code = status
    return response


def _claim(content: Content) -> Claim | None:
    key = idempotency.parse_key([request.headers[name] for name in _HEADERS if name in request.headers])
    if key is None:
        return None
    who, rule = principal(), request.url_rule
    route = f"{request.method} {rule.rule if rule else request.path}"
    return Claim(
        account_id=who.account_id,
        # what a test key sent must never stand in for what a live one sends
        route=f"{route} (test)" if who.test else route,
        key=key,
        request_hash=idempotency.fingerprint(request.path, content(request)),
    )


def _replay(stored: Answer) -> Response:
    response = Response(stored.body, stored.status, mimetype="application/json")
    response.headers["Idempotent-Replayed"] = "true"
    return response
