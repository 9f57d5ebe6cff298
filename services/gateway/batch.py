"""A batch of emails on its way in: what is refused keeps its place, the others go on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from services.gateway.accept import Accepted
from services.gateway.intents import Intent
from shared import states
from shared.errors import ApiError

#: One email of a batch as far as it got.
Judged = Intent | ApiError


def admit(items: Sequence[Judged], check: Callable[[list[Intent]], Sequence[Judged | None]]) -> list[Judged]:
    """`items` after one more check, which is asked once for all that are still intents.

    Args:
        check: gives for each intent why it is refused, or what it has become; `None`: nothing else.
    """
    verdicts = iter(check(intents(items)))
    return [(next(verdicts) or item) if isinstance(item, Intent) else item for item in items]


def intents(items: Sequence[Judged]) -> list[Intent]:
    """Those that are still intents, in order."""
    return [item for item in items if isinstance(item, Intent)]


def results(items: Sequence[Judged], accepted: Sequence[Accepted]) -> list[dict[str, Any]]:
    """What the client is told of each item; `accepted` are the intents among them, in order."""
    ours = iter(accepted)
    return [
        told(next(ours)) if isinstance(item, Intent) else _failed(item, f"/emails/{index}")
        for index, item in enumerate(items)
    ]


def told(item: Accepted) -> dict[str, Any]:
    """What the client is told of an email that is now ours."""
    known = {"id": item.id, "message_id": item.message_id}
    if item.send_at:
        return {**known, "status": states.SCHEDULED, "send_at": item.send_at}
    return {**known, "status": states.SENT}


def _failed(refusal: ApiError, at: str) -> dict[str, Any]:
    return {
        "status": "failed",
        "error": refusal.error,
        "code": refusal.code,
        "errors": [{"pointer": at + item.pointer, "detail": item.detail} for item in refusal.errors],
    }
