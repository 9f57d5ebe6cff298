"""`Prefer: wait=N` (RFC 7240): the usual answer at once, or a better one within N seconds."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from flask import Response, request

from services.gateway.prefer import LONGEST_WAIT, preferred_wait
from services.gateway.waiting import WaitingRoom
from shared.settings import settings

#: How the preference appears in the OpenAPI document.
PARAMETER: dict[str, Any] = {
    "in": "header",
    "name": "Prefer",
    "schema": {"type": "string"},
    "description": f"`wait=N`: the outcome, if there is one within N (at most {LONGEST_WAIT}) seconds.",
    "example": "wait=10",
}


def better_within_preference(usual: Response, look: Callable[[], Response | None]) -> Response:
    """What `look` sees within the time that this request prefers to wait, else `usual`.

    Where too many wait already the preference is not applied.
    """
    seconds = preferred_wait(request.headers.getlist("Prefer"))
    if seconds is None:
        return usual
    waited, seen = _room().wait(look, seconds)
    response = seen or usual
    if waited:
        response.headers["Preference-Applied"] = f"wait={seconds}"
    return response


@cache
def _room() -> WaitingRoom:
    config = settings()
    return WaitingRoom(min(config.max_waiting, config.http_threads - 1))
