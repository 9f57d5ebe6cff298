"""Time, always aware and in UTC."""

import re
from datetime import UTC, datetime

#: ISO 8601's extended format, a date with a time: what RFC 3339 has, and also no seconds, a comma before the
#: fraction, a space for the T, `+02` for `+02:00`, and no offset at all.
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,9})?)?"
    r"(Z|[+-][0-9]{2}(:?[0-9]{2})?)?"
)


def now() -> datetime:
    """The current time, timezone-aware, UTC."""
    return datetime.now(UTC)


def iso(moment: datetime) -> str:
    """`2026-06-01T09:00:00Z`, with milliseconds where there are any: how every API answer writes a time."""
    text = moment.astimezone(UTC).isoformat(
        timespec="milliseconds" if moment.microsecond >= 1000 else "seconds"
    )
    return text.replace("+00:00", "Z")


def parse_moment(text: str) -> datetime:
    """The time that `text` (ISO 8601, date and time) names, in UTC, to the millisecond; no offset means UTC.

    Raises:
        ValueError: what is wrong, for a person.
    """
    text = text.strip().upper()
    if _MOMENT.fullmatch(text) is None:
        raise ValueError("Not a date and time in ISO 8601, like 2030-06-01T09:00:00Z.")
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise ValueError("There is no such date and time.") from None
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
