"""Resolvers as settings name them: `192.0.2.1`, `192.0.2.1:5353`, `2001:db8::1`, `[2001:db8::1]:5353`."""

from __future__ import annotations

import ipaddress
import re

_PORT = 53
_WITH_PORT = re.compile(r"(?:\[(?P<six>[^\]]+)\]|(?P<four>[^:\[\]]+))(?::(?P<port>[0-9]{1,5}))?")


class Resolvers:
    """IP addresses with ports, in the order in which they are asked; none: the system's resolvers.

    Raises:
        ValueError: the text holds something else. A name, too: it would have to be resolved first.
    """

    def __init__(self, text: str) -> None:
        self.all = tuple(_resolver(part.strip()) for part in text.split(",") if part.strip())

    def __str__(self) -> str:
        return ", ".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in self.all)

    def __repr__(self) -> str:
        return f"Resolvers({str(self)!r})"


def _resolver(text: str) -> tuple[str, int]:
    matched = _WITH_PORT.fullmatch(text)
    host = (matched["six"] or matched["four"]) if matched else text
    port = int(matched["port"] or _PORT) if matched else _PORT
    if not 0 < port < 65_536:
        raise ValueError(f"not a port: {port}")
    return str(ipaddress.ip_address(host)), port
