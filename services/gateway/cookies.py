"""A session's cookie: HttpOnly, SameSite=Lax, and over HTTPS Secure under a `__Host-` name (RFC 6265bis)."""

from __future__ import annotations

from flask import Response

from shared.settings import settings

_NAME = "mailmatic_session"


def cookie_name() -> str:
    """What it is called: the prefix makes browsers refuse one that a subdomain, or plain HTTP, has set."""
    return f"__Host-{_NAME}" if _is_secure() else _NAME


def give(response: Response, secret: str) -> Response:
    """Sets the cookie."""
    response.set_cookie(
        cookie_name(),
        secret,
        max_age=settings().session_longest_seconds,
        secure=_is_secure(),
        httponly=True,
        samesite="Lax",
        path="/",
    )
    return response


def take_back(response: Response) -> Response:
    """Removes the cookie."""
    response.delete_cookie(cookie_name(), path="/", secure=_is_secure(), httponly=True, samesite="Lax")
    return response


def _is_secure() -> bool:
    return settings().public_url.startswith("https://")
