"""IP addresses: as settings list them (`198.51.100.25, 2001:db8::25`), and what is kept of a reader's."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

_PREFIXES = {4: 24, 6: 48}


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


class Keep(str):
    """What is kept of readers' addresses: `full`, `truncated` (IPv4 to /24, IPv6 to /48) or `off`.

    Raises:
        ValueError: the text is none of these.
    """

    def __new__(cls, text: str) -> Keep:
        if text not in ("full", "truncated", "off"):
            raise ValueError(text)
        return super().__new__(cls, text)

    def of(self, address: str) -> str | None:
        """What is kept of `address`; None: nothing, or it is none."""
        try:
            found = ip_address(address)
        except ValueError:
            return None
        if self == "off":
            return None
        if self == "full":
            return str(found)
        return str(ip_network((found, _PREFIXES[found.version]), strict=False).network_address)
