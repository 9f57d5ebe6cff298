"""Pixel and links: what is asked for most, answered without a framework and without any server of ours.

The token says it all. A hit is written to the local spool, and that is all that happens before the answer.
Everything else is the Flask application's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from services.tracker.hits import line
from services.tracker.spool import Spool
from shared.ids import new_id
from shared.tracking import CLICK_PATH, OPEN_PATH, Tokens

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]
#: What a link that is none leads to, for the languages of an Accept-Language.
BrokenLink = Callable[[str], bytes]

#: One transparent pixel (GIF89a), 43 octets.
GIF = bytes.fromhex("47494638396101000100800000ffffff00000021f90401000000002c00000000010001000002024401003b")

SAFE = [
    ("Cache-Control", "no-store"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Robots-Tag", "noindex, nofollow"),
]
PIXEL = [
    ("Content-Type", "image/gif"),
    ("Content-Length", str(len(GIF))),
    ("Cross-Origin-Resource-Policy", "cross-origin"),
    *SAFE,
]
_READS = frozenset({"GET", "HEAD"})
#: What a program says that fetches before anybody has asked: `Sec-Purpose: prefetch`, and older spellings.
_PURPOSES = ("HTTP_SEC_PURPOSE", "HTTP_PURPOSE", "HTTP_X_PURPOSE", "HTTP_X_MOZ")


class Hot:
    """A WSGI application in front of another."""

    def __init__(
        self, rest: Application, tokens: Tokens | None, spool: Spool, proxies: int, broken: BrokenLink
    ) -> None:
        """`rest` answers what is neither pixel nor link; `proxies` of ours stand in front."""
        self._rest, self._tokens, self._spool, self._proxies = rest, tokens, spool, proxies
        self._broken = broken

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answers one request (PEP 3333)."""
        path: str = environ.get("PATH_INFO", "")
        if path.startswith(OPEN_PATH):
            return self._pixel(path[len(OPEN_PATH) :], environ, start_response)
        if path.startswith(CLICK_PATH):
            return self._link(path[len(CLICK_PATH) :], environ, start_response)
        return self._rest(environ, start_response)

    def _pixel(self, token: str, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        method = environ["REQUEST_METHOD"]
        if method not in _READS:
            return _not_allowed(start_response)
        if self._tokens and self._tokens.is_open(token):
            self._keep(environ, token)
        start_response("200 OK", PIXEL)
        return [GIF] if method == "GET" else []

    def _link(self, token: str, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        method = environ["REQUEST_METHOD"]
        if method not in _READS:
            return _not_allowed(start_response)
        target = self._tokens.target(token) if self._tokens else None
        if target is None:
            page = self._broken(environ.get("HTTP_ACCEPT_LANGUAGE", ""))
            length = ("Content-Length", str(len(page)))
            start_response("404 Not Found", [("Content-Type", "text/html; charset=utf-8"), length, *SAFE])
            return [page] if method == "GET" else []
        self._keep(environ, token)
        start_response("302 Found", [("Location", target), ("Content-Length", "0"), *SAFE])
        return []

    def _keep(self, environ: Environ, token: str) -> None:
        self._spool.append(
            line(
                new_id(),
                token,
                environ["REQUEST_METHOD"],
                environ.get("HTTP_USER_AGENT", ""),
                client_address(environ, self._proxies),
                prefetch=_says_prefetch(environ),
            )
        )


def _says_prefetch(environ: Environ) -> bool:
    return any("pre" in environ[name].lower() for name in _PURPOSES if name in environ)


def client_address(environ: Environ, proxies: int) -> str:
    """Where a request comes from, as the outermost of `proxies` of ours saw it."""
    if not proxies:
        return str(environ.get("REMOTE_ADDR", ""))
    hops = environ.get("HTTP_X_FORWARDED_FOR", "").split(",")
    return str(hops[-min(proxies, len(hops))]).strip()[:64]


def _not_allowed(start_response: StartResponse) -> Iterable[bytes]:
    start_response("405 Method Not Allowed", [("Allow", "GET, HEAD"), ("Content-Length", "0"), *SAFE])
    return []
