"""Lines of a Postfix log → what they say. Pure.

Both stamps of syslog are understood: `Nov 27 04:00:00 host` (RFC 3164, no year, local time, as Postfix's own
logger writes it) and `2026-11-27T04:00:00.123456+00:00 host` (RFC 3339, as rsyslog does). What lines mean:
https://www.postfix.org/OVERVIEW.html and the logging of each daemon in its manual.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

_LINE = re.compile(
    r"(?P<stamp>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\S+) \S+ "
    r"(?P<tag>[\w./-]*postfix[\w./-]*)\[\d+\]: (?P<text>.*)"
)
#: Short queue ids are hexadecimal, long ones have no vowels.
_QUEUE_ID = re.compile(r"(?P<id>[0-9A-F]{6,20}|[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]{10,20}): (?P<rest>.*)")
_MESSAGE_ID = re.compile(r"message-id=(?P<id><.*>|\S+)")
_RESULT = re.compile(
    r"to=<(?P<to>[^>]*)>,(?: orig_to=<(?P<orig>[^>]*)>,)? relay=(?P<relay>.*?),(?: conn_use=\d+,)? "
    r"delay=(?P<delay>[\d.]+), delays=(?P<delays>[\d./]+), dsn=(?P<dsn>\d\.\d{1,3}\.\d{1,3}), "
    r"status=(?P<status>[\w-]+) \((?P<reply>.*)\)"
)
_EXPIRED = re.compile(r"from=<.*>, status=(force-)?expired, returned to sender")
#: Daemons whose results are an end, or a delay, of a delivery.
_AGENTS = ("smtp", "lmtp", "error", "retry", "relay", "virtual", "local", "pipe", "discard", "bounce")


@dataclass(frozen=True)
class Named:
    """The message of a queue id has this Message-ID."""

    queue_id: str
    message_id: str


@dataclass(frozen=True)
class Result:
    """What became of one recipient in one attempt. `status`: sent, deferred, bounced, expired …"""

    queue_id: str
    at: datetime
    recipient: str
    status: str
    dsn: str
    relay: str
    reply: str
    delay: float
    delays: tuple[float, ...]


@dataclass(frozen=True)
class Expired:
    """Postfix gives up on all recipients of a queue id that are still deferred."""

    queue_id: str
    at: datetime


@dataclass(frozen=True)
class Removed:
    """A queue id is done with, or of no interest."""

    queue_id: str


Entry = Named | Result | Expired | Removed


def parse(line: str, now: datetime) -> Entry | None:
    """What `line` says of a message; None: nothing that matters.

    Args:
        now: aware, in the zone of the log: gives RFC 3164's stamps their year and zone.
    """
    found = _LINE.match(line)
    if found is None:
        return None
    said = _QUEUE_ID.match(found["text"])
    if said is None:
        return None
    queue_id, rest, daemon = said["id"], said["rest"], found["tag"].rpartition("/")[2]
    at = moment(found["stamp"], now)
    if daemon == "cleanup":
        named = _MESSAGE_ID.match(rest)
        return Named(queue_id, named["id"]) if named else None
    if daemon == "qmgr":
        return _of_queue_manager(queue_id, at, rest)
    result = _RESULT.match(rest) if daemon in _AGENTS else None
    return _result(queue_id, at, result) if result else None


def _of_queue_manager(queue_id: str, at: datetime, rest: str) -> Entry | None:
    if rest == "removed" or rest.startswith("from=<>,"):  # a bounce of Postfix's own is nobody's mail
        return Removed(queue_id)
    return Expired(queue_id, at) if _EXPIRED.match(rest) else None


def moment(stamp: str, now: datetime) -> datetime:
    """When a line was written; of the years that RFC 3164 leaves open, the last that is not in the future."""
    if stamp[0].isdigit():
        read = datetime.fromisoformat(stamp.replace("Z", "+00:00"))
        return read if read.tzinfo else read.replace(tzinfo=now.tzinfo)
    for year in (now.year + 1, now.year, now.year - 1, *range(now.year - 2, now.year - 5, -1)):
        try:
            read = datetime.strptime(f"{year} {stamp}", "%Y %b %d %H:%M:%S").replace(tzinfo=now.tzinfo)
        except ValueError:  # the 29th of February of another year
            continue
        if read <= now + timedelta(days=1):
            return read
    return now


def _result(queue_id: str, at: datetime, found: re.Match[str]) -> Result:
    delays = tuple(float(part) for part in found["delays"].split("/") if part)
    return Result(
        queue_id,
        at,
        found["orig"] or found["to"],
        found["status"],
        found["dsn"],
        found["relay"],
        found["reply"],
        float(found["delay"]),
        delays,
    )
