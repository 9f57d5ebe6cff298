"""What a client tells us in the message's own headers: X-Mailmatic-… and Idempotency-Key.

Refuses what it does not know, as the API refuses unknown fields: a misspelt X-Mailmatic-Send-At must not be
sent at once. None of these headers leaves the install (services/sender/raw.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.gateway import idempotency
from services.gateway.errors import problem
from services.gateway.intents import MAX_TAG, MAX_TAGS
from services.gateway.raw_message import RawMessage
from shared.clock import now, parse_moment
from shared.errors import ApiError
from shared.settings import settings

_PREFIX = "x-mailmatic-"
_KEY_HEADERS = ("idempotency-key", "x-idempotency-key", "x-mailmatic-idempotency-key")
_KNOWN = frozenset((*_KEY_HEADERS, "x-mailmatic-tag", "x-mailmatic-send-at", "x-mailmatic-track"))

#: X-Mailmatic-Track → (opens, clicks)
_TRACK = {
    "on": (True, True),
    "off": (False, False),
    "opens": (True, False),
    "clicks": (False, True),
}


@dataclass(frozen=True)
class Directives:
    """What the headers ask for; `None`: nothing."""

    key: str | None
    send_at: datetime | None
    tags: tuple[str, ...]
    track_opens: bool | None
    track_clicks: bool | None


def directives(message: RawMessage) -> Directives:
    """What `message` asks for.

    Raises:
        ApiError: it asks for something unknown, twice, or impossible.
    """
    unknown = [name for name, _ in message.fields if name.startswith(_PREFIX) and name not in _KNOWN]
    if unknown:
        raise _refused(f"There is no header {unknown[0]}.")
    opens, clicks = _track(message)
    return Directives(
        key=idempotency.parse_key([value for name in _KEY_HEADERS for value in message.all(name)]),
        send_at=_send_at(message),
        tags=_tags(message),
        track_opens=opens,
        track_clicks=clicks,
    )


def _send_at(message: RawMessage) -> datetime | None:
    value = _one(message, "X-Mailmatic-Send-At")
    if value is None:
        return None
    try:
        moment = parse_moment(value)
    except ValueError as error:
        raise _refused(f"X-Mailmatic-Send-At: {error}") from None
    horizon = timedelta(seconds=settings().schedule_horizon_seconds)
    if not timedelta() < moment - now() <= horizon:
        days = horizon / timedelta(days=1)
        raise _refused(f"X-Mailmatic-Send-At must be in the future, within the next {days:g} days.")
    return moment


def _tags(message: RawMessage) -> tuple[str, ...]:
    given = [tag.strip() for value in message.all("x-mailmatic-tag") for tag in value.split(",")]
    tags = tuple(dict.fromkeys(tag for tag in given if tag))
    if len(tags) > MAX_TAGS or any(len(tag) > MAX_TAG or not tag.isprintable() for tag in tags):
        raise _refused(f"X-Mailmatic-Tag: at most {MAX_TAGS} tags of at most {MAX_TAG} characters.")
    return tags


def _track(message: RawMessage) -> tuple[bool | None, bool | None]:
    value = _one(message, "X-Mailmatic-Track")
    if value is None:
        return None, None
    wanted = frozenset(word.strip().lower() for word in value.split(","))
    if wanted == {"opens", "clicks"}:
        return True, True
    if len(wanted) != 1 or not wanted <= _TRACK.keys():
        raise _refused("X-Mailmatic-Track is on, off, opens or clicks.")
    return _TRACK[next(iter(wanted))]


def _one(message: RawMessage, name: str) -> str | None:
    values = message.all(name.lower())
    if len(values) > 1:
        raise _refused(f"{name} may occur once.")
    return values[0] if values else None


def _refused(sentence: str) -> ApiError:
    return problem("validation_error", sentence)
