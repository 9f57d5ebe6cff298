"""Relay URLs → where and how to connect."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

_TLS_CHOICES = ("never", "opportunistic", "required")
_YES = ("yes", "true", "1")


@dataclass(frozen=True)
class Relay:
    """One SMTP relay.

    `tls` is never, opportunistic, required (STARTTLS) or implicit (smtps); `chunking` whether to use CHUNKING
    (RFC 3030) where it is offered.
    """

    host: str
    port: int
    tls: str
    verify: bool
    chunking: bool = True
    username: str | None = None
    password: str | None = None

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def parse_relay(url: str) -> Relay:
    """A relay out of `smtp[s]://[user:password@]host[:port][?starttls=…&verify=…&chunking=…]`.

    A login demands TLS: with a user name and no `starttls`, STARTTLS is required.

    Raises:
        ValueError: what is wrong with the URL, without repeating its password.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise ValueError("a relay must look like smtp://host:port or smtps://user:password@host:port")
    options = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    tls = options.pop("starttls", "required" if parts.username else "opportunistic")
    verify = options.pop("verify", "yes" if tls == "required" or parts.scheme == "smtps" else "no")
    chunking = options.pop("chunking", "yes")
    if tls not in _TLS_CHOICES:
        raise ValueError(f"relay {parts.hostname}: starttls must be one of {', '.join(_TLS_CHOICES)}")
    if options:
        raise ValueError(f"relay {parts.hostname}: unknown option {next(iter(options))}")
    implicit = parts.scheme == "smtps"
    return Relay(
        host=parts.hostname,
        port=parts.port or (465 if implicit else 25),
        tls="implicit" if implicit else tls,
        verify=verify in _YES,
        chunking=chunking in _YES,
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
    )
