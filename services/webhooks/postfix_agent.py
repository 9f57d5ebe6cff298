"""Follows a Postfix log and tells the webhooks service what became of each recipient: one agent an MTA.

`python -m services.webhooks.postfix_agent`. Needs neither database nor queue: the log, the state directory
and the URL of /api/webhooks/postfix. Reads a batch, posts what follows from it until it is taken, and only
then moves its position: a crash at any moment repeats a batch or nothing, and loses nothing. What the service
refuses for good (422) is logged and passed over, so that one odd line can't hold up all others.
"""

from __future__ import annotations

import http.client
import json
import signal
import sys
import threading
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlsplit

from services.webhooks.agent_state import Event, State
from services.webhooks.log_sources import source_of
from services.webhooks.postfix_log import parse
from shared.health import beats, start_beating
from shared.observability import configure_logging, get_logger
from shared.settings import settings

log = get_logger("postfix-agent")

#: What says that these very events are at fault, and not the moment.
_REFUSED = (400, 413, 422)
_FIRST_PAUSE, _LONGEST_PAUSE, _TIMEOUT = 0.5, 30.0, 30.0


class Stopped(Exception):
    """The agent was told to stop while it waited."""


def follow(stop: threading.Event) -> None:
    """Until `stop`, or the end of standard input."""
    config = settings()
    state = State(config.state_dir / "postfix-agent.sqlite")
    kept = state.position
    source = source_of(config.agent_log, kept)
    try:
        for lines, position in source.batches():
            events = _events(state, lines)
            if events:
                deliver(events, stop)
            if position and position != kept:
                state.keep(position)
                kept = position
            if stop.is_set() or (not lines and stop.wait(config.agent_poll_seconds)):
                return
    except Stopped:
        return
    finally:
        source.close()
        state.close()


def _events(state: State, lines: Sequence[str]) -> list[Event]:
    now = datetime.now().astimezone()
    entries = [entry for line in lines if (entry := parse(line, now))]
    return [event for entry in entries for event in state.take(entry)]


def deliver(events: Sequence[Event], stop: threading.Event) -> None:
    """Posts `events` until they are taken.

    Raises:
        Stopped: before they were.
    """
    pause = _FIRST_PAUSE
    while True:
        status, words = _post(events)
        if status is not None and 200 <= status < 300:
            return
        if status in _REFUSED:
            _deliver_apart(events, words, stop)
            return
        log.warning("postfix_agent.waiting", status=status, reason=words, events=len(events))
        if stop.wait(pause):
            raise Stopped
        pause = min(pause * 2, _LONGEST_PAUSE)


def _deliver_apart(events: Sequence[Event], words: str, stop: threading.Event) -> None:
    if len(events) == 1:
        log.error("postfix_agent.refused", reason=words, queue_id=events[0].get("queue_id"))
        return
    middle = len(events) // 2
    deliver(events[:middle], stop)
    deliver(events[middle:], stop)


def _post(events: Sequence[Event]) -> tuple[int | None, str]:
    """Status of the answer (None: there was none) and the words that explain it."""
    config = settings()
    url = urlsplit(config.agent_url or f"{config.public_url}/api/webhooks/postfix")
    kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    connection = kind(url.hostname or "", url.port, timeout=_TIMEOUT)
    headers = {"Content-Type": "application/json", "X-Webhook-Secret": _secret()}
    try:
        connection.request("POST", url.path, json.dumps(list(events)), headers)
        response = connection.getresponse()
        return response.status, response.read(2_000).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        return None, repr(error)
    finally:
        connection.close()


def _secret() -> str:
    return next(iter(settings().postfix_secrets), "")


def main() -> None:
    """Runs the agent until SIGTERM or SIGINT; `--healthy` asks whether one runs, by exit status."""
    if "--healthy" in sys.argv[1:]:
        sys.exit(not beats(settings().process))
    configure_logging()
    start_beating()
    stop = threading.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: stop.set())
    log.info("postfix_agent.started", log=settings().agent_log)
    follow(stop)
    log.info("postfix_agent.stopped")


if __name__ == "__main__":
    main()
