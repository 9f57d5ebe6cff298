"""Who is asking: an account, through one of its credentials."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated credential and what it may send from."""

    account_id: UUID
    credential_id: UUID
    domain: str
    domain_verified: bool
    username: str
    display_name: str | None
    active: bool
    #: a test key's: what it sends is accepted, settled by the sandbox and goes nowhere
    test: bool = False
