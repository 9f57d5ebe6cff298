"""What comes of test emails: an outcome by the recipient's address, and no relay is asked.

Everybody gets what a test key sends, wherever it goes; the simulator's own addresses (shared.sandbox) behave
as their names say, whatever label follows a `+`.
"""

from __future__ import annotations

from collections.abc import Sequence

from services.sender.jobs import Recipient
from services.sender.outcomes import Outcome, Reply
from shared import states
from shared.sandbox import is_simulated

#: What is shown in place of a relay.
RELAY = "simulator"

_ACCEPTED = Reply(250, "2.0.0 Accepted (simulated)")
_UNKNOWN_USER = Reply(550, "5.1.1 No such user (simulated)")
_MAILBOX_FULL = Reply(452, "4.2.2 Mailbox full (simulated)")
_GREYLISTED = Reply(451, "4.7.1 Greylisted, try again later (simulated)")
_NO_MOOD = Reply(550, "5.1.1 The simulator has no such address (simulated)")

#: name of an address → what each attempt comes to; the last holds for all that follow
_MOODS: dict[str, tuple[tuple[str, Reply], ...]] = {
    "delivered": ((states.DELIVERED, _ACCEPTED),),
    "bounced": ((states.BOUNCED, _UNKNOWN_USER),),
    "softbounced": ((states.DEFERRED, _MAILBOX_FULL), (states.FAILED, _MAILBOX_FULL)),
    "delayed": ((states.DEFERRED, _GREYLISTED), (states.DELIVERED, _ACCEPTED)),
    "complained": ((states.COMPLAINED, _ACCEPTED),),
}
_SUPPRESSED = "suppressed"


def simulate(recipients: Sequence[Recipient], attempt: int) -> list[Outcome]:
    """The outcome of this attempt (from 1) for each of `recipients`."""
    return [_outcome(item, attempt) for item in recipients]


def _outcome(recipient: Recipient, attempt: int) -> Outcome:
    local, _, domain = recipient.address.rpartition("@")
    mood = local.partition("+")[0].lower() if is_simulated(domain) else "delivered"
    if mood == _SUPPRESSED:
        return Outcome(recipient.position, states.SUPPRESSED, None, "hard_bounce")
    steps = _MOODS.get(mood, ((states.BOUNCED, _NO_MOOD),))
    status, reply = steps[min(attempt, len(steps)) - 1]
    return Outcome(recipient.position, status, reply)
