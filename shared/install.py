"""The names of this install that its customers' DNS records point to, out of the settings."""

from __future__ import annotations

from functools import cache
from urllib.parse import urlsplit

from shared.domain_checks.records import Install
from shared.settings import settings


@cache
def install() -> Install:
    """This install's own names and addresses."""
    config = settings()
    host = urlsplit(config.public_url).hostname or config.hostname
    return Install(
        _name(config.spf_include or f"spf.{host}"),
        _name(config.return_path_host or f"bounces.{host}"),
        _name(config.tracking_host or host),
        config.sending_ips.all,
    )


def _name(text: str) -> str:
    return text.lower().removesuffix(".")
