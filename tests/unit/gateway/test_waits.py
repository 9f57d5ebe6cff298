"""Why an email waits."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from services.gateway.waits import CODES, waiting_for
from shared import states

MOMENT = datetime(2026, 6, 1, 9, tzinfo=UTC)


def email(status: str, error: str | None = None) -> dict[str, Any]:
    return {"status": status, "due_at": MOMENT, "last_error": error}


@pytest.mark.parametrize(
    ("status", "campaign", "relayed", "code", "until"),
    [
        (states.SCHEDULED, None, False, "scheduled", MOMENT),
        (states.QUEUED, None, False, "queued", None),
        (states.QUEUED, "sending", False, "queued", None),
        (states.QUEUED, "paused", False, "campaign_paused", None),
        (states.DEFERRED, "paused", True, "campaign_paused", None),
        (states.QUEUED, "cancelled", False, "campaign_cancelled", None),
        (states.SENDING, "paused", False, "sending", None),
        (states.UNKNOWN, None, True, "reply_lost", MOMENT),
        (states.DEFERRED, None, True, "retry", MOMENT),
        (states.DEFERRED, None, False, "relay_down", MOMENT),
    ],
)
def test_what_waits_says_for_what_and_until_when(
    status: str, campaign: str | None, relayed: bool, code: str, until: datetime | None
) -> None:
    found = waiting_for(email(status), campaign, relayed=relayed)
    assert found is not None
    assert (found["code"], found["until"]) == (code, until)
    assert found["detail"].startswith(CODES[code].removesuffix("."))
    assert ("2026-06-01T09:00:00Z" in found["detail"]) == (until is not None)


@pytest.mark.parametrize("status", [state for state in states.LADDER if state not in states.UNFINISHED])
def test_what_has_ended_waits_for_nothing(status: str) -> None:
    assert waiting_for(email(status), "paused", relayed=False) is None


def test_a_retry_says_what_was_told() -> None:
    found = waiting_for(email(states.DEFERRED, "451 4.7.1 Greylisted"), None, relayed=True)
    assert found is not None
    assert found["detail"].endswith("It was told: 451 4.7.1 Greylisted")


def test_every_unfinished_state_waits_for_something() -> None:
    assert all(waiting_for(email(state), None, relayed=True) for state in states.UNFINISHED)
