"""Who is asking: an account, through one of its credentials or by one of its people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from uuid import UUID

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated credential, or user, and what it may do.

    `domains` are the sending domains it may send from, and whether each is verified: a credential's own one,
    all of the account's for a user. `username` is of a credential alone: with `domain` its default sender.
    """

    account_id: UUID
    scopes: frozenset[str]
    domains: dict[str, bool]
    credential_id: UUID | None = None
    domain: str | None = None
    username: str | None = None
    display_name: str | None = None
    active: bool = True
    #: a test key's: what it sends is accepted, settled by the sandbox and goes nowhere
    test: bool = False
    #: where it may come from; none: anywhere
    networks: tuple[Network, ...] = ()
    expires_at: datetime | None = None
    #: recipients its account may send to in a day and in a month; None: any number
    quotas: tuple[int | None, int | None] = (None, None)
    user_id: UUID | None = None
    role: str | None = None

    @property
    def id(self) -> UUID:
        """Who it is: the credential's id, or the user's; for one that is neither, the account's."""
        return self.credential_id or self.user_id or self.account_id

    def may_come_from(self, address: IPv4Address | IPv6Address) -> bool:
        """Whether the credential may be used from `address`."""
        return not self.networks or any(address in network for network in self.networks)
