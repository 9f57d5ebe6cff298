"""Whom an account may not write to: the one place where an address is suppressed and asked about.

Addresses are compared by `shared.addresses.address_key`. An account has one suppression an address, with the
strongest reason it was given: what comes later never weakens one, so repeats and late events are harmless.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, text

from shared.addresses import address_key
from shared.ids import new_id

HARD_BOUNCE = "hard_bounce"
COMPLAINT = "complaint"
UNSUBSCRIBE = "unsubscribe"
MANUAL = "manual"

#: Weakest first. An unsubscription stops bulk mail only; a person's entry is not replaced by a bounce, which
#: may be lifted; a complaint stands above all.
STRENGTH = (UNSUBSCRIBE, HARD_BOUNCE, MANUAL, COMPLAINT)

# Sorted by the caller, so that two of these at once lock rows in one order.
_SUPPRESS = text(
    """
    INSERT INTO suppressions (id, account_id, address, reason, source, email_id, event_id)
    SELECT * FROM unnest(
        CAST(:ids AS uuid[]), CAST(:account_ids AS uuid[]), CAST(:addresses AS text[]),
        CAST(:reasons AS text[]), CAST(:sources AS text[]),
        CAST(:email_ids AS uuid[]), CAST(:event_ids AS uuid[]))
    ON CONFLICT (account_id, address) DO UPDATE SET
        reason = excluded.reason, source = excluded.source,
        email_id = excluded.email_id, event_id = excluded.event_id, created_at = now()
    WHERE array_position(CAST(:strength AS text[]), excluded.reason)
        > array_position(CAST(:strength AS text[]), suppressions.reason)
    RETURNING id
    """
)

_LIFT = text(
    """
    DELETE FROM suppressions WHERE account_id = :account AND address = :address AND reason = :reason
    RETURNING id
    """
)

_REASONS = text(
    """
    SELECT account_id, address, reason FROM suppressions
    JOIN unnest(CAST(:account_ids AS uuid[]), CAST(:addresses AS text[])) AS wanted (account_id, address)
        USING (account_id, address)
    """
)


@dataclass(frozen=True, slots=True)
class Suppression:
    """An address (`Address.email` or `Address.key`) that an account shall not write to, and why.

    `source` is what saw it: api, import, sender, postfix, tracker …; `email_id` and `event_id` are the email
    and the event that caused it, where one did.
    """

    account_id: UUID
    address: str
    reason: str
    source: str
    email_id: UUID | None = None
    event_id: UUID | None = None


def suppress(tx: Connection, *wanted: Suppression) -> int:
    """Suppresses the addresses in `wanted`; returns for how many that is new, or stronger than before."""
    strongest: dict[tuple[str, str], Suppression] = {}
    for item in sorted(wanted, key=lambda item: STRENGTH.index(item.reason)):
        strongest[str(item.account_id), address_key(item.address)] = item
    if not strongest:
        return 0
    rows = sorted(strongest.items())
    return len(
        tx.execute(
            _SUPPRESS,
            {
                "ids": [str(new_id()) for _ in rows],
                "account_ids": [account_id for (account_id, _), _ in rows],
                "addresses": [address for (_, address), _ in rows],
                "reasons": [item.reason for _, item in rows],
                "sources": [item.source for _, item in rows],
                "email_ids": [item.email_id and str(item.email_id) for _, item in rows],
                "event_ids": [item.event_id and str(item.event_id) for _, item in rows],
                "strength": list(STRENGTH),
            },
        ).all()
    )


def lift(tx: Connection, account_id: UUID, address: str, reason: str) -> bool:
    """Takes an address off an account's list if `reason` is what it is on it for; whether it was."""
    found = tx.execute(
        _LIFT,
        {"account": account_id, "address": address_key(address), "reason": reason},
    )
    return found.first() is not None


class Suppressed:
    """What is suppressed among the addresses that were asked about."""

    def __init__(self, reasons: dict[tuple[UUID, str], str]) -> None:
        self._reasons = reasons

    def reason(self, account_id: UUID, email: str, stream: str) -> str | None:
        """Why `email` must not get mail of `stream` from the account; `None` if it may."""
        reason = self._reasons.get((account_id, address_key(email))) if self._reasons else None
        return reason if reason and blocks(reason, stream) else None


def suppressed(tx: Connection, asked: Iterable[tuple[UUID, str]]) -> Suppressed:
    """Looks up (account, address) pairs, however many, with one query."""
    pairs: Sequence[tuple[UUID, str]] = list({(account, address_key(email)) for account, email in asked})
    if not pairs:
        return Suppressed({})
    rows = tx.execute(
        _REASONS,
        {
            "account_ids": [str(account) for account, _ in pairs],
            "addresses": [address for _, address in pairs],
        },
    )
    return Suppressed({(row.account_id, row.address): row.reason for row in rows})


def blocks(reason: str, stream: str) -> bool:
    """Whether a suppression for `reason` stops mail of `stream` (`transactional` or `bulk`)."""
    return reason != UNSUBSCRIBE or stream == "bulk"
