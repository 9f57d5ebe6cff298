"""Work that is never done, in rounds, from a daemon thread of a process that does something else."""

from __future__ import annotations

import threading
from collections.abc import Callable

from sqlalchemy.exc import DBAPIError

from shared.db import DatabaseUnavailable
from shared.observability import get_logger

#: Shortest wait after a round that failed (seconds): its reason is not told more often.
_TROUBLE = 1.0


def start_rounds(
    name: str,
    once: Callable[[threading.Event], bool],
    pause: Callable[[], float],
    stop: threading.Event,
) -> None:
    """Does rounds until `stop`; one that fails is told, and the next comes all the same.

    Args:
        name: of the thread and of its log.
        once: a round; whether there is more to do at once. It looks at the event it gets, which is `stop`.
        pause: how long to wait (seconds) where there is not.
    """
    threading.Thread(target=_go_on, args=(name, once, pause, stop), name=name, daemon=True).start()


def _go_on(
    name: str,
    once: Callable[[threading.Event], bool],
    pause: Callable[[], float],
    stop: threading.Event,
) -> None:
    log = get_logger(name)
    while not stop.is_set():
        wait = pause()
        try:
            if once(stop):
                continue
        except (DatabaseUnavailable, DBAPIError) as error:
            log.warning(f"{name}.waiting", reason=str(error).splitlines()[0])
            wait = max(wait, _TROUBLE)
        except Exception:  # whatever was wrong with this round, the next may do what it could not
            log.exception(f"{name}.failed")
            wait = max(wait, _TROUBLE)
        stop.wait(wait)
