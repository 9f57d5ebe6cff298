"""Who signs an email: the active DKIM keys of its sender's domain, kept for half a minute."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from functools import cache
from threading import Lock
from uuid import UUID

from sqlalchemy import Connection

from services.sender.dkim import Signer
from shared.dkim_keys import active_keys

#: A rotated key signs for at most this long (seconds) after it stopped being the active one; its record stays
#: published for days.
_KEPT_FOR = 30.0

Domain = tuple[UUID, str]


class Signers:
    """The signers of (account, domain) pairs; shared by the threads of a worker."""

    def __init__(self) -> None:
        self._kept: dict[Domain, tuple[float, Sequence[Signer]]] = {}
        self._lock = Lock()

    def of(self, tx: Connection, domains: Iterable[Domain]) -> dict[Domain, Sequence[Signer]]:
        """The signers of each domain, none for one without an active key; at most one query for all.

        Raises:
            VaultError: a key can't be decrypted. Mail waits rather than going out unsigned.
        """
        moment = time.monotonic()
        wanted = set(domains)
        with self._lock:
            fresh = {
                domain: entry[1]
                for domain in wanted
                if (entry := self._kept.get(domain)) is not None and entry[0] > moment
            }
        missing = wanted - fresh.keys()
        if missing:
            found = active_keys(tx, missing)
            read = {
                domain: [Signer(key.domain, key.selector, key.key) for key in found[domain]]
                for domain in missing
            }
            with self._lock:
                self._kept.update({domain: (moment + _KEPT_FOR, signers) for domain, signers in read.items()})
            fresh |= read
        return fresh


@cache
def signers() -> Signers:
    """This process's signers."""
    return Signers()
