"""Who signs an email, where its bounces and links go, what is tracked: facts of its domain, kept a while."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from threading import Lock
from uuid import UUID

from sqlalchemy import Connection

from services.sender.dkim import Signer
from shared.dkim_keys import sending_domains

#: A rotated key signs for at most this long (seconds) after it stopped being the active one; its record stays
#: published for days.
_KEPT_FOR = 30.0

Domain = tuple[UUID, str]


@dataclass(frozen=True)
class Sending:
    """How mail of a domain goes out: who signs it, whether bounces and links go to its own hosts.

    `track_opens` and `track_clicks` None: as the install says.
    """

    signers: Sequence[Signer]
    return_path: bool
    tracking_host: bool = False
    track_opens: bool | None = None
    track_clicks: bool | None = None


class Signers:
    """How mail of (account, domain) pairs goes out; shared by the threads of a worker."""

    def __init__(self) -> None:
        self._kept: dict[Domain, tuple[float, Sending]] = {}
        self._lock = Lock()

    def of(self, tx: Connection, domains: Iterable[Domain]) -> dict[Domain, Sending]:
        """How mail of each domain goes out, unsigned without an active key; at most one query for all.

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
            read = {
                domain: Sending(
                    [Signer(key.domain, key.selector, key.key) for key in facts.keys],
                    facts.return_path,
                    facts.tracking_host,
                    facts.track_opens,
                    facts.track_clicks,
                )
                for domain, facts in sending_domains(tx, missing).items()
            }
            with self._lock:
                self._kept.update({domain: (moment + _KEPT_FOR, sending) for domain, sending in read.items()})
            fresh |= read
        return fresh


@cache
def signers() -> Signers:
    """This process's signers."""
    return Signers()
