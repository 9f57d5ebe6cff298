"""What an outside clock may ask for. The built-in scheduler does all of it by itself."""

from __future__ import annotations

import time

from services.gateway.routes.blueprint import Blueprint
from services.gateway.schemas.cron import ReleasedSchema
from shared.clock import now
from shared.schedule import release_all

blueprint = Blueprint(
    "cron", __name__, url_prefix="/api/cron", guide="scheduling", description="For an outside clock."
)

#: Longest release of one request (seconds): well within the edge's patience. The rest is the next one's.
_LONGEST = 20.0

_REFUSES = ("invalid_cron_secret", "cron_disabled", "rate_limit_exceeded")


@blueprint.operation(
    "/process-scheduled", "POST", answers=(200, ReleasedSchema), refuses=_REFUSES, scheme="cron"
)
def process_scheduled() -> dict[str, int]:
    """Release scheduled emails

    Queues what is due, as the built-in scheduler does every second; no cron is needed. Safe at any time and
    any number of times at once: each email is sent once.
    """
    return _release()


@blueprint.operation(
    "/process-scheduled", "GET", answers=(200, ReleasedSchema), refuses=_REFUSES, scheme="cron"
)
def process_scheduled_by_get() -> dict[str, int]:
    """Release scheduled emails

    The same as POST, for clocks that can only GET.
    """
    return _release()


def _release() -> dict[str, int]:
    deadline = time.monotonic() + _LONGEST
    return {"released": release_all(now(), stop_when=lambda: time.monotonic() > deadline)}
