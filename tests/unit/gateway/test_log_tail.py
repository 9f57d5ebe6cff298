"""Who follows the log hears what they asked for, and nothing else."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from services.gateway.log_tail import TailFilter
from shared.event_feed import Told

_CAMPAIGN = UUID("0197a3c0-5c1e-7c3a-9f0e-2f3a4b5c6d7e")
_DATA: dict[str, Any] = {
    "email_id": "0197a3c0-5c1e-7c3a-9f0e-000000000000",
    "message_id": "<0197a3c0@example.com>",
    "recipient": "Ada@example.net",
    "from": "shop@Example.com",
    "subject": "Your 100% order",
    "tags": ["welcome"],
    "campaign_id": str(_CAMPAIGN),
}
#: what retention has dropped of an email
_DROPPED: dict[str, Any] = {**dict.fromkeys(_DATA), "tags": []}


@pytest.mark.parametrize(
    ("asked", "passes"),
    [
        ({}, True),
        ({"event": "sent"}, True),
        ({"event": "delivered"}, False),
        ({"domain": "EXAMPLE.com"}, True),
        ({"domain": "ample.com"}, False),
        ({"tag": "welcome"}, True),
        ({"tag": "wel"}, False),
        ({"campaign_id": _CAMPAIGN}, True),
        ({"campaign_id": UUID(int=1)}, False),
        ({"search": "ADA@"}, True),
        ({"search": "100%"}, True),
        ({"search": "197A3C0@"}, True),
        ({"search": "10_%"}, False),
        ({"search": "ada", "tag": "other"}, False),
    ],
)
def test_a_filter_passes_what_meets_all_of_it(asked: dict[str, Any], passes: bool) -> None:
    told = Told("1", "email.sent", "2026-06-01T09:00:00Z", _DATA)
    dropped = Told("1", "email.sent", "2026-06-01T09:00:00Z", _DROPPED)
    assert TailFilter(**asked).passes(told) is passes
    assert TailFilter(**asked).passes(dropped) is (passes and asked in ({}, {"event": "sent"}))
