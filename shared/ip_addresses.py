"""IP addresses as settings list them: `198.51.100.25, 2001:db8::25`."""

from __future__ import annotations

from ipaddress import ip_address


class IpAddresses:
    """Addresses in the order in which they are given, each in its usual form.

    Raises:
        ValueError: the text holds something else. A network, too: every address is one to be checked.
    """

    def __init__(self, text: str) -> None:
        self.all = tuple(str(ip_address(part.strip())) for part in text.split(",") if part.strip())

    def __str__(self) -> str:
        return ", ".join(self.all)

    def __repr__(self) -> str:
        return f"IpAddresses({str(self)!r})"
