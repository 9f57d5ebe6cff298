"""Whether a campaign was paused or cancelled while its chunk goes out: what is not begun then goes back."""

from __future__ import annotations

import time
from collections.abc import Collection
from uuid import UUID

from services.sender import queries
from shared.db import DatabaseUnavailable, transaction

#: How often a chunk asks (seconds). One that goes out quickly never does: its claim has asked.
_SECONDS = 0.5


class CampaignWatch:
    """The campaigns of one chunk."""

    def __init__(self, ids: Collection[UUID]) -> None:
        """`ids`: none, and nothing ever halts."""
        self._ids = [str(id) for id in ids]
        self._next = time.monotonic() + _SECONDS

    def halted(self) -> bool:
        """Whether any of them was stopped; the whole chunk goes back then, and the rest of it is claimed
        anew.
        """
        if not self._ids or time.monotonic() < self._next:
            return False
        self._next = time.monotonic() + _SECONDS
        try:
            with transaction() as tx:
                return tx.execute(queries.HALTED, {"ids": self._ids}).first() is not None
        except DatabaseUnavailable:  # nobody can have paused anything
            return False
