"""What the tracker could be at best on its server: the same bytes, nothing verified, nothing recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from services.tracker import hot
from shared.tracking import OPEN_PATH

TARGET = (
    "https://shop.example.com/products/autumn?utm_source=newsletter&utm_medium=email&utm_campaign=november"
)

_MOVED = [("Location", TARGET), ("Content-Length", "0"), *hot.SAFE]


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """A bare WSGI callable."""
    if environ["PATH_INFO"].startswith(OPEN_PATH):
        start_response("200 OK", hot.PIXEL)
        return [hot.GIF]
    start_response("302 Found", _MOVED)
    return []
