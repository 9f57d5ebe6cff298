"""Time, always aware and in UTC."""

from datetime import UTC, datetime


def now() -> datetime:
    """The current time, timezone-aware, UTC."""
    return datetime.now(UTC)


def iso(moment: datetime) -> str:
    """`2026-06-01T09:00:00Z`, with milliseconds where there are any: how every API answer writes a time."""
    text = moment.astimezone(UTC).isoformat(
        timespec="milliseconds" if moment.microsecond >= 1000 else "seconds"
    )
    return text.replace("+00:00", "Z")
